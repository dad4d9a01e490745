import { remember, remembered } from "./memory.ts";
import { store } from "./store.ts";

export type Theme = "auto" | "light" | "dark";
const local = () => localStorage;

const kept = remembered(local, "theme");
export const theme = store<Theme>(kept === "light" || kept === "dark" ? kept : "auto");
apply();

export function chooseTheme(next: Theme): void {
  remember(local, "theme", next === "auto" ? null : next);
  theme.set(next);
  apply();
}

function apply(): void {
  document.documentElement.dataset.theme = theme.get();
}
