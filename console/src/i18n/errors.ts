import type { Problem } from "../problems.ts";
import errors from "./errors.json" with { type: "json" };
import type { Language, Messages } from "./index.ts";

interface Entry {
  zh: string;
  en: string;
  rule_zh?: string;
  remedy_zh?: string;
  /** In place of the API's own, which speaks to who calls it. */
  remedy_en?: string;
}

export interface Told {
  title: string;
  rule: string | undefined;
  remedy: string | undefined;
}

/** What happened, by which rule, and what would change it, in the reader's language. */
export function tell(problem: Problem, language: Language, t: Messages): Told {
  const entry = (errors as Record<string, Entry>)[problem.code];
  const document = problem.document;
  if (entry) {
    const chinese = language === "zh";
    return {
      title: entry[language],
      rule: (chinese && entry.rule_zh) || document?.rule,
      remedy: (chinese ? entry.remedy_zh : entry.remedy_en) || document?.remedy,
    };
  }
  const title = document ? (language === "zh" ? document.title_zh : document.title) : null;
  return { title: title ?? byStatus(problem.status, t), rule: document?.rule, remedy: document?.remedy };
}

function byStatus(status: number, t: Messages): string {
  if (status === 0) return t.unanswered;
  if (status === 401) return t.sessionOver;
  return t.unreachable;
}
