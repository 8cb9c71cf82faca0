// What the small apps of the Node.js targets share: the lab's accounts, and
// routes that have nothing to do with how a login is remembered. That part is
// each app's own, and is what is judged and measured.
//
// Passwords are kept as plain SHA-256 digests, so that a login costs what the
// library under test makes it cost. That is for the lab alone: a real app
// hashes passwords with Argon2id or bcrypt (OWASP Password Storage).
import { createHash, timingSafeEqual } from "node:crypto";

const COUNT = Number(process.env.LAB_USERS ?? 1000);
const digest = (text) => createHash("sha256").update(text).digest();

const byUser = new Map();
const bySubject = new Map();

function add(user, subject, password, roles) {
  const account = { user, subject, password: digest(password), roles, disabled: false, note: "" };
  byUser.set(user, account);
  bySubject.set(subject, account);
}

for (let number = 0; number < COUNT; number += 1) {
  const n = String(number).padStart(6, "0");
  add(`user-${n}`, `acct-${n}`, `lab-password-${n}`, ["member"]);
}
add("admin", "acct-admin", "lab-password-admin", ["admin"]);

// The account with this name and password, if it may log in.
export function authenticate(user, password) {
  const account = byUser.get(String(user));
  const given = digest(String(password));
  const fits = timingSafeEqual(given, account?.password ?? digest(""));
  return account && fits && !account.disabled ? account : null;
}

// The account of a login, unless it has been barred since.
export function accountOf(subject) {
  const account = bySubject.get(subject);
  return account && !account.disabled ? account : null;
}

// Sets another password.
export function setPassword(account, password) {
  account.password = digest(String(password));
}

export function refuse(res) {
  res.status(401).json({ error: "unauthenticated" });
}

// Routes for callers whom `signedIn` let pass: it leaves the account's subject
// in `req.subject` and the roles that the login is worth in `req.roles`.
export function labRoutes(app, signedIn) {
  app.get("/healthz", (req, res) => res.json({ ok: true }));
  app.get("/me/note", signedIn, (req, res) => {
    res.json({ subject: req.subject, note: bySubject.get(req.subject).note });
  });
  app.put("/me/note", signedIn, (req, res) => {
    bySubject.get(req.subject).note = String(req.body?.note ?? "");
    res.json({ subject: req.subject });
  });
}

// Routes for administrators. What they change lives in this process, so only a
// target without replicas has them.
export function adminRoutes(app, signedIn) {
  const admin = (req, res, next) => {
    if (req.roles.includes("admin")) return next();
    return res.status(403).json({ error: "forbidden" });
  };
  const named = (change) => (req, res) => {
    const account = byUser.get(req.params.user);
    if (!account) return res.status(404).json({ error: "no such account" });
    change(account, req.body);
    return res.json({ user: account.user });
  };
  app.get("/admin/accounts", signedIn, admin, (req, res) => res.json({ accounts: byUser.size }));
  app.post(
    "/admin/users/:user/roles",
    signedIn,
    admin,
    named((account, body) => {
      account.roles = body.roles.map(String);
    }),
  );
  app.post(
    "/admin/users/:user/disable",
    signedIn,
    admin,
    named((account) => {
      account.disabled = true;
    }),
  );
}

export function listen(app) {
  const port = Number(process.env.PORT ?? 3000);
  app.listen(port, "127.0.0.1", () => console.log(`listens on 127.0.0.1:${port}`));
}
