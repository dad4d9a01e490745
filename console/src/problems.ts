import type { components } from "../generated/openapi.ts";

export type ProblemDocument = components["schemas"]["Problem"];

/** Why a call did not do what was asked: the API's own problem, or what stood in between. */
export class Problem extends Error {
  readonly code: string;
  readonly status: number;
  readonly document: ProblemDocument | null;
  readonly retryAfter: number;

  constructor(
    code: string,
    status: number,
    document: ProblemDocument | null = null,
    retryAfter = 0,
  ) {
    super(code);
    this.code = code;
    this.status = status;
    this.document = document;
    this.retryAfter = retryAfter;
  }

  fact(name: string): unknown {
    return this.document?.facts?.[name as never];
  }
}

export type Fault = "missing" | "long" | "short" | "format";

/** By the type that the API's validator gives; any text that must be there has one character or more. */
const FAULTS: Record<string, Fault> = {
  missing: "missing",
  string_too_short: "missing",
  string_too_long: "long",
  too_short: "short",
  too_long: "long",
};

/** What is wrong with each field, by its place in the body: `contact/email`. */
export function faults(problem: Problem | null): Record<string, Fault> {
  const errors = problem?.document?.errors ?? [];
  return Object.fromEntries(
    errors.map(({ pointer, type }) => [pointer.replace(/^#\/body\//, ""), FAULTS[type] ?? "format"]),
  );
}

/** Worth the same request again: nothing was decided, or nobody can tell. */
export function mayPass(problem: Problem): boolean {
  return problem.status === 0 || problem.status === 429 || problem.status >= 500;
}

export async function problemOf(answer: Response): Promise<Problem> {
  const retryAfter = Number(answer.headers.get("Retry-After")) || 0;
  const type = answer.headers.get("Content-Type") ?? "";
  if (type.startsWith("application/problem+json")) {
    const document = (await answer.json()) as ProblemDocument;
    return new Problem(document.code, answer.status, document, retryAfter);
  }
  const known = [401, 403, 413, 429].includes(answer.status);
  return new Problem(known ? `gateway_${answer.status}` : "gateway_503", answer.status, null, retryAfter);
}
