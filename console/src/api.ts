import type { components, paths } from "../generated/openapi.ts";
import { accessToken, expired, renew, signedIn } from "./auth.ts";
import { LONGEST_MS, retryDelay } from "./backoff.ts";
import { API } from "./base.ts";
import { mayPass, Problem, problemOf } from "./problems.ts";
import { store } from "./store.ts";

export type Schema = components["schemas"];
export type Role = Schema["Role"];

type Method = "get" | "put" | "post";
type PathsWith<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never;
}[keyof paths];
type Json<R> = R extends { content: { "application/json": infer B } } ? B : never;
type Operation<M extends Method, P extends keyof paths> = NonNullable<paths[P][M]>;
type Answer<O> = O extends { responses: infer R } ? Json<R[keyof R & (200 | 201 | 202)]> : never;
type Body<O> = O extends { requestBody: infer R } ? Json<R> : never;
type Query<O> = O extends { parameters: { query?: infer Q } } ? Q : never;

interface Options<O> {
  path?: Record<string, string>;
  query?: Query<O>;
  body?: Body<O>;
  /** The Idempotency-Key: with it, an unanswered call may be sent again. */
  key?: string;
  signal?: AbortSignal;
}

const ATTEMPTS = 3;

/** False while the last call found no network. */
export const reachable = store(true);

/**
 * One call of the API, typed by its own document.
 *
 * What may be sent twice is sent again when nobody answered; a 401 renews the session once.
 * Throws a Problem, or the AbortError of `signal`.
 */
export async function call<M extends Method, P extends PathsWith<M>>(
  method: M,
  path: P,
  options: Options<Operation<M, P>> = {},
): Promise<Answer<Operation<M, P>>> {
  const url = addressOf(path as string, options);
  return send(method, url, options, (answer) => answer.json() as Promise<Answer<Operation<M, P>>>);
}

type FilePath = {
  [P in PathsWith<"get">]: paths[P]["get"] extends { responses: { 200: { content: { "text/csv": string } } } }
    ? P
    : never;
}[PathsWith<"get">];

/** A file of the API, all parts of it, as a text. */
export async function download<P extends FilePath>(
  path: P,
  query: Query<Operation<"get", P>>,
): Promise<string> {
  let text = "";
  let next: URL | null = addressOf(path as string, { query });
  while (next) {
    const { part, links }: Part = await send("get", next, {}, partOf);
    text += text ? part.slice(part.indexOf("\n") + 1) : part;
    const link = /<([^>]+)>; rel="next"/.exec(links);
    next = link?.[1] ? new URL(link[1], next) : null;
  }
  return text;
}

interface Part {
  part: string;
  links: string;
}

async function partOf(answer: Response): Promise<Part> {
  return { part: await answer.text(), links: answer.headers.get("Link") ?? "" };
}

function addressOf(path: string, given: { path?: Record<string, string>; query?: unknown }): URL {
  const { path: names = {}, query = {} } = given;
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(names[name] ?? ""),
  );
  const url = new URL(filled.slice(1), API);
  for (const [name, value] of Object.entries(query as Record<string, unknown>)) {
    if (value !== undefined && value !== null && value !== "") {
      url.searchParams.set(name, String(value));
    }
  }
  return url;
}

interface Sent {
  body?: unknown;
  key?: string;
  signal?: AbortSignal;
}

type Read<T> = (answer: Response) => Promise<T>;

async function send<T>(method: Method, url: URL, options: Sent, read: Read<T>): Promise<T> {
  const repeatable = method !== "post" || options.key !== undefined;
  let renewed = false;
  for (let attempt = 1; ; attempt++) {
    const problem = await once(method, url, options, read);
    if (!(problem instanceof Problem)) return problem;
    if (problem.status === 401 && !renewed) {
      renewed = true;
      if (await renewedOr(problem)) continue;
      expired.set(signedIn());
      throw problem;
    }
    if (!repeatable || !mayPass(problem) || attempt >= ATTEMPTS) throw problem;
    await wait(Math.max(retryDelay(attempt), problem.retryAfter * 1000), options.signal);
  }
}

/**
 * An answer that breaks off, or a token that could not be renewed, is no answer. Without a token
 * nothing is sent: who signs out may leave a screen that still asks.
 */
async function once<T>(
  method: Method,
  url: URL,
  options: Sent,
  read: Read<T>,
): Promise<T | Problem> {
  try {
    const token = await accessToken();
    if (!token) return new Problem("gateway_401", 401);
    const limit = AbortSignal.timeout(LONGEST_MS);
    const answer = await fetch(url, {
      method: method.toUpperCase(),
      headers: headersOf(token, options),
      cache: "no-store",
      signal: options.signal ? AbortSignal.any([options.signal, limit]) : limit,
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    });
    const result = answer.ok ? await read(answer) : await problemOf(answer);
    reachable.set(true);
    return result;
  } catch (error) {
    if (options.signal?.aborted) throw error;
    reachable.set(false);
    return new Problem("unreachable", 0);
  }
}

function headersOf(token: string, { body, key }: Sent): Record<string, string> {
  return {
    Authorization: `Bearer ${token}`,
    ...(body !== undefined && { "Content-Type": "application/json" }),
    ...(key && { "Idempotency-Key": key }),
  };
}

async function renewedOr(problem: Problem): Promise<boolean> {
  try {
    return await renew();
  } catch {
    reachable.set(false);
    throw new Problem("unreachable", 0, problem.document);
  }
}

export function wait(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
