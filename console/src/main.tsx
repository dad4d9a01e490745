import { render } from "preact";
import { App } from "./app.tsx";
import { start, type Config } from "./auth.ts";
import { LONGEST_MS } from "./backoff.ts";
import { CONSOLE } from "./base.ts";
import { keepFocus } from "./focus.ts";
import { messages } from "./i18n/index.ts";
import { MINOR_DIGITS } from "./money.ts";
import { listen } from "./router.ts";
import "./theme.ts";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/forms.css";
import "./styles/notes.css";
import "./styles/pictures.css";
import "./styles/tables.css";
import "./styles/screen.css";

const root = document.getElementById("app") as HTMLElement;

async function main(): Promise<void> {
  const answer = await fetch(new URL("config.json", CONSOLE), {
    signal: AbortSignal.timeout(LONGEST_MS),
  });
  if (!answer.ok) throw new Error(`config.json: ${answer.status}`);
  const config = (await answer.json()) as Config & { minor_digits: Record<string, number> };
  Object.assign(MINOR_DIGITS, config.minor_digits);
  const signedIn = await start(config);
  listen();
  keepFocus(root);
  render(<App signedIn={signedIn} />, root);
}

main().catch((error: unknown) => {
  const t = messages();
  render(
    <main class="card">
      <h1>{t.failedToStart}</h1>
      <p role="alert">{t.unreachable}</p>
      <p class="hint">{String(error)}</p>
      <button type="button" class="button primary" onClick={() => location.reload()}>
        {t.retry}
      </button>
    </main>,
    root,
  );
});
