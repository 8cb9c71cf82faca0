// Lucia 3 as its documentation sets it up for Express: the check of the origin,
// the validation of the session, and sign-in, sign-out and a new password.
import { createHash, webcrypto } from "node:crypto";

import express from "express";
import { Lucia, verifyRequestOrigin } from "lucia";

import {
  accountOf,
  adminRoutes,
  authenticate,
  labRoutes,
  listen,
  refuse,
  setPassword,
} from "../accounts.mjs";
import { MemoryAdapter } from "./memory-adapter.mjs";

// Node.js 18 has it under another name, as Lucia's documentation says.
globalThis.crypto ??= webcrypto;

const lucia = new Lucia(new MemoryAdapter(accountOf), {
  sessionCookie: {
    attributes: {
      secure: process.env.NODE_ENV === "production",
    },
  },
  getUserAttributes: (attributes) => ({ roles: attributes.roles }),
});

const app = express();
app.use(express.json());

// CSRF protection.
app.use((req, res, next) => {
  if (req.method === "GET") return next();
  const originHeader = req.headers.origin ?? null;
  const hostHeader = req.headers.host ?? null;
  if (!originHeader || !hostHeader || !verifyRequestOrigin(originHeader, [hostHeader])) {
    return res.status(403).end();
  }
  return next();
});

// Validates requests.
app.use(async (req, res, next) => {
  const sessionId = lucia.readSessionCookie(req.headers.cookie ?? "");
  if (!sessionId) {
    res.locals.user = null;
    res.locals.session = null;
    return next();
  }
  const { session, user } = await lucia.validateSession(sessionId);
  if (session?.fresh) {
    res.appendHeader("Set-Cookie", lucia.createSessionCookie(session.id).serialize());
  }
  if (!session) {
    res.appendHeader("Set-Cookie", lucia.createBlankSessionCookie().serialize());
  }
  res.locals.session = session;
  res.locals.user = user;
  return next();
});

function signedIn(req, res, next) {
  if (!res.locals.user) return refuse(res);
  req.subject = res.locals.user.id;
  req.roles = res.locals.user.roles;
  return next();
}

async function letIn(res, account) {
  const session = await lucia.createSession(account.subject, {});
  res.appendHeader("Set-Cookie", lucia.createSessionCookie(session.id).serialize());
  res.json({ subject: account.subject, login: handle(session.id) });
}

app.post("/login", async (req, res) => {
  const account = authenticate(req.body?.user, req.body?.password);
  if (!account) return refuse(res);
  return letIn(res, account);
});

// What a list of sessions may show: Lucia's identifiers are the credentials.
const handle = (sessionId) => createHash("sha256").update(sessionId).digest("hex").slice(0, 32);

app.get("/me", signedIn, (req, res) => {
  const login = handle(res.locals.session.id);
  res.json({ subject: req.subject, roles: req.roles, login });
});

app.get("/sessions", signedIn, async (req, res) => {
  const sessions = await lucia.getUserSessions(req.subject);
  const shown = sessions.map(({ id, expiresAt }) => {
    return { id: handle(id), expires_at_ms: expiresAt.getTime() };
  });
  res.json({ sessions: shown });
});

app.delete("/sessions/:login", signedIn, async (req, res) => {
  const sessions = await lucia.getUserSessions(req.subject);
  const chosen = sessions.find(({ id }) => handle(id) === req.params.login);
  if (!chosen) return res.status(404).json({ error: "no such session" });
  await lucia.invalidateSession(chosen.id);
  return res.json({ ok: true });
});

app.post("/logout", async (req, res) => {
  if (!res.locals.session) return refuse(res);
  await lucia.invalidateSession(res.locals.session.id);
  res.appendHeader("Set-Cookie", lucia.createBlankSessionCookie().serialize());
  return res.json({ ok: true });
});

app.post("/logout-all", signedIn, async (req, res) => {
  await lucia.invalidateUserSessions(req.subject);
  res.appendHeader("Set-Cookie", lucia.createBlankSessionCookie().serialize());
  res.json({ ok: true });
});

// "Invalidate all sessions" before a new password counts, then sign in anew.
app.post("/password", signedIn, async (req, res) => {
  const account = accountOf(req.subject);
  if (!authenticate(account.user, req.body?.current)) {
    return res.status(403).json({ error: "wrong password" });
  }
  await lucia.invalidateUserSessions(account.subject);
  setPassword(account, req.body.new);
  return letIn(res, account);
});

labRoutes(app, signedIn);
adminRoutes(app, signedIn);
listen(app);
