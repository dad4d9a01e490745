import { mock } from "node:test";

/** What the modules that know the page find of it: import this first, then them. */
export const PAGE = "https://shop.example/v1/console/";
export const kept = new Map<string, string>();
export const assign = mock.fn((_address: string) => {});

const location = Object.assign(new URL(PAGE), { assign });
const storage = {
  getItem: (name: string) => kept.get(name) ?? null,
  setItem: (name: string, value: string) => kept.set(name, value),
  removeItem: (name: string) => kept.delete(name),
};
// Its own names are those of what it keeps.
const both = new Proxy(storage, {
  ownKeys: () => [...kept.keys()],
  getOwnPropertyDescriptor: (_, name) =>
    kept.has(name as string) ? { value: kept.get(name as string), enumerable: true, configurable: true } : undefined,
});
const history = {
  replaceState: (_state: null, _title: string, path: string) => {
    location.href = new URL(path, location).href;
  },
};
const scrollTo = () => {};
/** What is told of the window and of the document: `online`, `visibilitychange`. */
export const told = Object.assign(new EventTarget(), { baseURI: PAGE, hidden: false });
const window = {
  addEventListener: told.addEventListener.bind(told),
  removeEventListener: told.removeEventListener.bind(told),
};
const page = { location, sessionStorage: both, localStorage: both, history, scrollTo, document: told, ...window };
for (const [name, value] of Object.entries(page)) {
  Object.defineProperty(globalThis, name, { value });
}

export const issuer = "https://id.example";
export const config = {
  issuer,
  client_id: "console",
  scope: "openid",
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  end_session_endpoint: `${issuer}/logout`,
};

/** Answers the calls one after the other, an Error is a call that fails; the addresses asked. */
export function answers(...given: (Response | Error)[]): string[] {
  const asked: string[] = [];
  mock.method(globalThis, "fetch", async (url: URL | string) => {
    asked.push(String(url));
    const answer = given.shift();
    if (answer instanceof Response) return answer;
    throw answer ?? new Error("one call too many");
  });
  return asked;
}
