// Lucia's `Adapter` over a map: the shipped adapters are for databases, of which
// this app has none.
export class MemoryAdapter {
  #accountOf;
  #sessions = new Map();
  #ofUser = new Map();

  constructor(accountOf) {
    this.#accountOf = accountOf;
  }

  async getSessionAndUser(sessionId) {
    const session = this.#sessions.get(sessionId);
    if (!session) return [null, null];
    const account = this.#accountOf(session.userId);
    const user = account ? { id: account.subject, attributes: { roles: account.roles } } : null;
    return [session, user];
  }

  async getUserSessions(userId) {
    return [...(this.#ofUser.get(userId) ?? [])].map((id) => this.#sessions.get(id));
  }

  async setSession(session) {
    this.#sessions.set(session.id, { ...session });
    const ids = this.#ofUser.get(session.userId) ?? new Set();
    this.#ofUser.set(session.userId, ids.add(session.id));
  }

  async updateSessionExpiration(sessionId, expiresAt) {
    const session = this.#sessions.get(sessionId);
    if (session) session.expiresAt = expiresAt;
  }

  async deleteSession(sessionId) {
    const session = this.#sessions.get(sessionId);
    if (!session) return;
    this.#sessions.delete(sessionId);
    const ids = this.#ofUser.get(session.userId);
    ids.delete(sessionId);
    if (ids.size === 0) this.#ofUser.delete(session.userId);
  }

  async deleteUserSessions(userId) {
    for (const id of this.#ofUser.get(userId) ?? []) this.#sessions.delete(id);
    this.#ofUser.delete(userId);
  }

  async deleteExpiredSessions() {
    const now = Date.now();
    for (const { id, expiresAt } of [...this.#sessions.values()]) {
      if (expiresAt.getTime() <= now) await this.deleteSession(id);
    }
  }
}
