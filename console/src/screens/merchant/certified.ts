import { call, type Schema } from "../../api.ts";
import { Problem } from "../../problems.ts";

/** The merchant's certification; null if none was ever submitted. */
export async function certification(signal: AbortSignal): Promise<Schema["Certification"] | null> {
  try {
    return await call("get", "/certification", { signal });
  } catch (error) {
    if (error instanceof Problem && error.code === "certification_not_found") return null;
    throw error;
  }
}
