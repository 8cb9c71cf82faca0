// Sessions as the README of express-session shows them under "User login": its
// options, its steps at login and logout, and its defaults for all the rest.
import express from "express";
import session from "express-session";

import { accountOf, adminRoutes, authenticate, labRoutes, listen, refuse } from "../accounts.mjs";

const app = express();
app.use(express.json());
app.use(
  session({
    secret: process.env.SESSION_SECRET ?? "keyboard cat",
    resave: false,
    saveUninitialized: true,
  }),
);

// The session holds who it is; what they may do is looked up at each request.
function signedIn(req, res, next) {
  const account = accountOf(req.session.user);
  if (!account) return refuse(res);
  req.subject = account.subject;
  req.roles = account.roles;
  return next();
}

app.post("/login", (req, res, next) => {
  const account = authenticate(req.body?.user, req.body?.password);
  if (!account) return refuse(res);
  // "regenerate the session, which is good practice to help guard against
  // forms of session fixation"
  return req.session.regenerate((error) => {
    if (error) return next(error);
    req.session.user = account.subject;
    return req.session.save((error) => {
      if (error) return next(error);
      return res.json({ subject: account.subject });
    });
  });
});

app.get("/me", signedIn, (req, res) => {
  res.json({ subject: req.subject, roles: req.roles });
});

app.post("/logout", (req, res, next) => {
  // "clear the user from the session object and save"
  req.session.user = null;
  req.session.save((error) => {
    if (error) return next(error);
    return req.session.regenerate((error) => {
      if (error) return next(error);
      return res.json({ ok: true });
    });
  });
});

labRoutes(app, signedIn);
adminRoutes(app, signedIn);
listen(app);
