export type Parameters = Record<string, string>;

/** The first pattern (`refunds/:id`) that an address fits, with what its names stand for. */
export function match<T>(address: string, routes: Record<string, T>): [T, Parameters] | null {
  for (const [pattern, target] of Object.entries(routes)) {
    const parameters = fit(address.split("/"), pattern.split("/"));
    if (parameters) return [target, parameters];
  }
  return null;
}

function fit(steps: string[], pattern: string[]): Parameters | null {
  if (steps.length !== pattern.length) return null;
  const parameters: Parameters = {};
  for (const [index, part] of pattern.entries()) {
    const step = steps[index] as string;
    if (part.startsWith(":")) parameters[part.slice(1)] = step;
    else if (part !== step) return null;
  }
  return parameters;
}
