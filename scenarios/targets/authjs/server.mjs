// Auth.js on Express: the Credentials provider, sessions as encrypted JWTs, and
// roles in the token as its guide to role-based access control has them.
//
// `ExpressAuth` is mounted as its documentation says. Its own login wants a
// token against CSRF from a page first; `/login` and `/logout` do in one request
// what such a page would do in two, by calling Auth.js from within.
import { webcrypto } from "node:crypto";

import { Auth, skipCSRFCheck } from "@auth/core";
import { ExpressAuth, getSession } from "@auth/express";
import Credentials from "@auth/express/providers/credentials";
import express from "express";

import { adminRoutes, authenticate, labRoutes, listen, refuse } from "../accounts.mjs";

// Node.js 18 has it under another name.
globalThis.crypto ??= webcrypto;

const config = {
  basePath: "/auth",
  secret: process.env.AUTH_SECRET,
  trustHost: true,
  providers: [
    Credentials({
      credentials: { user: {}, password: { type: "password" } },
      authorize: ({ user, password }) => {
        const account = authenticate(user, password);
        return account && { id: account.subject, name: account.user, roles: account.roles };
      },
    }),
  ],
  callbacks: {
    jwt({ token, user }) {
      if (user) token.roles = user.roles;
      return token;
    },
    session({ session, token }) {
      session.user.id = token.sub;
      session.user.roles = token.roles;
      return session;
    },
  },
  // Refused logins are no news in the lab.
  logger: { error() {} },
};

const app = express();
app.use("/auth/*splat", ExpressAuth({ ...config }));
app.use(express.json());

async function signedIn(req, res, next) {
  const session = await getSession(req, { ...config });
  if (!session?.user?.id) return refuse(res);
  req.subject = session.user.id;
  req.roles = session.user.roles;
  return next();
}

// One of Auth.js's own actions. Hands its cookies on, and returns them.
async function act(req, res, action, fields) {
  const url = `${req.protocol}://${req.get("host")}${config.basePath}/${action}`;
  const request = new Request(url, {
    method: "POST",
    headers: { cookie: req.headers.cookie ?? "" },
    body: new URLSearchParams(fields),
  });
  const answer = await Auth(request, { ...config, skipCSRFCheck });
  const cookies = answer.headers.getSetCookie();
  for (const cookie of cookies) res.appendHeader("Set-Cookie", cookie);
  return cookies;
}

app.post("/login", async (req, res) => {
  const fields = { user: req.body?.user ?? "", password: req.body?.password ?? "" };
  const cookies = await act(req, res, "callback/credentials", fields);
  const isIn = cookies.some((cookie) => cookie.includes("authjs.session-token="));
  return isIn ? res.json({ ok: true }) : refuse(res);
});

app.get("/me", signedIn, (req, res) => {
  res.json({ subject: req.subject, roles: req.roles });
});

app.post("/logout", async (req, res) => {
  await act(req, res, "signout", {});
  res.json({ ok: true });
});

labRoutes(app, signedIn);
adminRoutes(app, signedIn);
listen(app);
