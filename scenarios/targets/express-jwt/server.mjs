// A JWT in an HttpOnly cookie, as articles on Express and jsonwebtoken recommend
// it: signed at login, verified at each request, and nothing kept on the server.
import cookieParser from "cookie-parser";
import cors from "cors";
import express from "express";
import helmet from "helmet";
import jwt from "jsonwebtoken";

import { adminRoutes, authenticate, labRoutes, listen, refuse } from "../accounts.mjs";

const SECRET = process.env.JWT_SECRET;
const LIFETIME_S = 3600;

const app = express();
app.use(helmet());
app.use(cors({ origin: "https://app.example.com", credentials: true }));
app.use(express.json());
app.use(cookieParser());

function signedIn(req, res, next) {
  try {
    const claims = jwt.verify(req.cookies.token, SECRET);
    req.subject = claims.sub;
    req.roles = claims.roles;
  } catch {
    return refuse(res);
  }
  return next();
}

app.post("/login", (req, res) => {
  const account = authenticate(req.body?.user, req.body?.password);
  if (!account) return refuse(res);
  const claims = { sub: account.subject, roles: account.roles };
  const token = jwt.sign(claims, SECRET, { expiresIn: LIFETIME_S });
  res.cookie("token", token, {
    httpOnly: true,
    secure: process.env.NODE_ENV === "production",
    sameSite: "strict",
    maxAge: LIFETIME_S * 1000,
  });
  return res.json({ subject: account.subject });
});

app.get("/me", signedIn, (req, res) => {
  res.json({ subject: req.subject, roles: req.roles });
});

app.post("/logout", (req, res) => {
  res.clearCookie("token");
  res.json({ ok: true });
});

labRoutes(app, signedIn);
adminRoutes(app, signedIn);
listen(app);
