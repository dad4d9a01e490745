import { remember, remembered } from "../memory.ts";
import { store, useStore } from "../store.ts";
import { en } from "./en.ts";
import { zh, type Messages } from "./zh.ts";

export type Language = "zh" | "en";
export type { Messages };

const LANGUAGES: Record<Language, Messages> = { zh, en };
const local = () => localStorage;

export const language = store<Language>(preferred());
apply();

/** What was chosen before; else Chinese where the browser asks for it before any English. */
function preferred(): Language {
  const chosen = remembered(local, "language");
  if (chosen === "zh" || chosen === "en") return chosen;
  const first = navigator.languages.find((each) => /^(zh|en)\b/i.test(each)) ?? "";
  return /^zh/i.test(first) ? "zh" : "en";
}

export function choose(next: Language): void {
  remember(local, "language", next);
  language.set(next);
  apply();
}

function apply(): void {
  document.documentElement.lang = messages().language;
}

export function messages(): Messages {
  return LANGUAGES[language.get()];
}

export function useText(): Messages {
  return LANGUAGES[useStore(language)];
}
