// Storage for one process, after the adapter interface of oidc-provider's documentation. Nothing is evicted, unlike in
// its quick-start adapter, which forgets clients and tokens beyond a thousand entries.

const seconds = () => Math.floor(Date.now() / 1000);

export function memoryAdapter() {
  const stores = new Map();
  return (model) => {
    if (!stores.has(model)) stores.set(model, new MemoryAdapter());
    return stores.get(model);
  };
}

class MemoryAdapter {
  #entries = new Map();

  async upsert(id, payload, expiresIn) {
    const until = expiresIn === undefined ? Infinity : seconds() + expiresIn;
    this.#entries.set(id, { payload, until });
  }

  async find(id) {
    const entry = this.#entries.get(id);
    return entry && entry.until > seconds() ? entry.payload : undefined;
  }

  async findByUid(uid) {
    return this.#first((payload) => payload.uid === uid);
  }

  async findByUserCode(userCode) {
    return this.#first((payload) => payload.userCode === userCode);
  }

  async consume(id) {
    const payload = await this.find(id);
    if (payload) payload.consumed = seconds();
  }

  async destroy(id) {
    this.#entries.delete(id);
  }

  async revokeByGrantId(grantId) {
    for (const [id, { payload }] of this.#entries) {
      if (payload.grantId === grantId) this.#entries.delete(id);
    }
  }

  #first(matches) {
    return [...this.#entries.values()].find(({ payload, until }) => until > seconds() && matches(payload))?.payload;
  }
}
