import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { announcement } from "./announce.ts";
import { reachable } from "./api.ts";
import { expired, signInAgain, signOut } from "./auth.ts";
import { forgetDrafts } from "./draft.ts";
import { choose, language, useText } from "./i18n/index.ts";
import { forgetLately } from "./lately.ts";
import { Button } from "./parts/button.tsx";
import { Dialog } from "./parts/dialog.tsx";
import { Note } from "./parts/note.tsx";
import { go, hrefOf, useAddress } from "./router.ts";
import { menuOf } from "./screens/screens.ts";
import { rolesOf, usePartyId, useSession, type Acting } from "./session.ts";
import { useStore } from "./store.ts";
import { chooseTheme, theme, type Theme } from "./theme.ts";

/** What surrounds every screen of who is signed in. */
export function Shell({ children }: { children: ComponentChildren }) {
  const t = useText();
  const address = useAddress();
  const [open, setOpen] = useState(false);
  useEffect(() => setOpen(false), [address]);
  const close = () => setOpen(false);
  return (
    <div class="shell">
      <SkipLink />
      <header class="top">
        <Button
          kind="link"
          label={open ? t.closeMenu : t.openMenu}
          onClick={() => setOpen(!open)}
        >
          <span class="burger" aria-hidden="true">
            ☰
          </span>
        </Button>
        <Brand />
        <div class="top-end">
          <RoleSwitch />
          <Preferences />
          <SignOut />
        </div>
      </header>
      <Menu open={open} />
      {open && <button type="button" class="backdrop" tabIndex={-1} aria-label={t.closeMenu} onClick={close} />}
      <main id="main" tabIndex={-1} onFocusIn={close}>
        <Offline />
        {children}
      </main>
      <Announcer />
      <SessionOver />
    </div>
  );
}

export function SkipLink() {
  const t = useText();
  return (
    <a
      class="skip"
      href="#main"
      onClick={(event) => {
        event.preventDefault();
        document.getElementById("main")?.focus();
      }}
    >
      {t.skip}
    </a>
  );
}

export function Brand() {
  const t = useText();
  return (
    <a class="brand" href={hrefOf("")}>
      <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
        <rect width="32" height="32" rx="8" />
        <path d="M18 5 8 18h7l-2 9 11-14h-7z" />
      </svg>
      <span>
        {t.product} <small>{t.console}</small>
      </span>
    </a>
  );
}

function Menu({ open }: { open: boolean }) {
  const t = useText();
  const { acting } = useSession();
  const address = useAddress();
  return (
    <nav class={open ? "side open" : "side"} aria-label={t.menu}>
      <Who />
      {menuOf(acting, t).map((group) => (
        <div key={group.title} class="group">
          {group.title && <p class="group-title">{group.title}</p>}
          <ul>
            {group.items.map(([item, label]) => {
              const path = item ? `${acting}/${item}` : acting;
              return (
                <li key={item}>
                  <a href={hrefOf(path)} aria-current={isCurrent(address, path) ? "page" : undefined}>
                    {label}
                  </a>
                </li>
              );
            })}
          </ul>
        </div>
      ))}
    </nav>
  );
}

const WITHIN: Record<string, string> = {
  "merchant/statement": "merchant/wallet",
  "merchant/settlement": "merchant/wallet",
  "merchant/settlement/review": "merchant/wallet",
  "buyer/statement": "buyer/wallet",
  buyer: "buyer/orders",
  operator: "operator/certifications",
};

function isCurrent(address: string, path: string): boolean {
  const shown = WITHIN[address] ?? address;
  return shown === path || (path.includes("/") && shown.startsWith(`${path}/`));
}

function RoleSwitch() {
  const t = useText();
  const { me, acting } = useSession();
  const roles = rolesOf(me);
  if (roles.length === 1) return <Who />;
  return (
    <label class="who">
      <span class="unseen">{t.role.label}</span>
      <select value={acting} onChange={(event) => go(event.currentTarget.value as Acting)}>
        {roles.map((role) => (
          <option key={role} value={role}>
            {t.role[role]}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Who is signed in, as what. */
function Who() {
  const t = useText();
  const { acting } = useSession();
  const id = usePartyId();
  return (
    <p class="who">
      {t.role[acting]} {id && <code>{id}</code>}
    </p>
  );
}

export function Preferences() {
  const t = useText();
  const chosen = useStore(theme);
  const other = useStore(language) === "zh" ? "en" : "zh";
  return (
    <>
      <label>
        <span class="unseen">{t.theme.label}</span>
        <select
          value={chosen}
          onChange={(event) => chooseTheme(event.currentTarget.value as Theme)}
        >
          <option value="auto">{t.theme.auto}</option>
          <option value="light">{t.theme.light}</option>
          <option value="dark">{t.theme.dark}</option>
        </select>
      </label>
      <button
        type="button"
        class="button"
        lang={other === "zh" ? "zh-CN" : "en"}
        onClick={() => choose(other)}
      >
        {t.switchLanguage}
      </button>
    </>
  );
}

function SignOut() {
  const t = useText();
  const { subject } = useSession().me;
  return (
    <Button
      onClick={() => {
        forgetDrafts();
        forgetLately(subject);
        void signOut();
      }}
    >
      {t.signOut}
    </Button>
  );
}

/** Says that there is no network, and takes it back when there is. */
export function Offline() {
  const t = useText();
  const answered = useStore(reachable);
  const [online, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const update = () => {
      setOnline(navigator.onLine);
      if (navigator.onLine) reachable.set(true);
    };
    addEventListener("online", update);
    addEventListener("offline", update);
    return () => {
      removeEventListener("online", update);
      removeEventListener("offline", update);
    };
  }, []);
  if (online && answered) return null;
  return <Note tone="warn" live title={online ? t.unreachable : t.offline} />;
}

function Announcer() {
  const text = useStore(announcement);
  return (
    <div class="toast" role="status" aria-live="polite">
      {text && <p>{text}</p>}
    </div>
  );
}

function SessionOver() {
  const t = useText();
  const over = useStore(expired);
  const [busy, setBusy] = useState(false);
  if (!over) return null;
  return (
    <Dialog
      title={t.sessionOver}
      confirm={t.signInAgain}
      busy={busy}
      problem={null}
      onClose={() => expired.set(false)}
      onConfirm={() => {
        setBusy(true);
        void signInAgain();
      }}
    >
      <p>{t.sessionOverText}</p>
    </Dialog>
  );
}
