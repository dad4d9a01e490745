import { useEffect, useState } from "preact/hooks";
import { call } from "./api.ts";
import { signIn, signInFailed } from "./auth.ts";
import { useText } from "./i18n/index.ts";
import { useLoad } from "./load.ts";
import { Button, LinkButton } from "./parts/button.tsx";
import { Card } from "./parts/card.tsx";
import { Loaded } from "./parts/loaded.tsx";
import { Page } from "./parts/page.tsx";
import { go, hrefOf, useAddress } from "./router.ts";
import { match } from "./routes.ts";
import { SCREENS, type Screen } from "./screens/screens.ts";
import { rolesOf, SessionContext, type Me } from "./session.ts";
import { Brand, Offline, Preferences, Shell, SkipLink } from "./shell.tsx";

export function App({ signedIn }: { signedIn: boolean }) {
  return signedIn ? <SignedIn /> : <SignIn />;
}

function SignedIn() {
  const me = useLoad("me", (signal) => call("get", "/me", { signal }));
  if (me.data) return <ActingAs me={me.data} />;
  if (me.problem?.status === 401) return <SignIn />;
  return (
    <Welcome>
      <Loaded load={me}>{() => null}</Loaded>
    </Welcome>
  );
}

function ActingAs({ me }: { me: Me }) {
  const address = useAddress();
  const roles = rolesOf(me);
  const [first, ...rest] = address.split("/");
  const named = roles.find((role) => role === first);
  const acting = named ?? roles[0];
  useEffect(() => {
    if (address === "" && acting) go(acting, true);
  }, [address, acting]);
  if (!acting) return <Nobody subject={me.subject} />;
  const found = named && match(rest.join("/"), SCREENS[acting]);
  return (
    <SessionContext.Provider value={{ me, acting }}>
      <Shell>
        {found ? <Found key={address} found={found} /> : address !== "" && <NotFound />}
      </Shell>
    </SessionContext.Provider>
  );
}

function Found({ found: [Screen, parameters] }: { found: [Screen, Record<string, string>] }) {
  return <Screen {...parameters} />;
}

function NotFound() {
  const t = useText();
  return (
    <Page title={t.notFound}>
      <Card>
        <p>{t.notFoundText}</p>
        <p>
          <LinkButton href={hrefOf("")}>{t.toHome}</LinkButton>
        </p>
      </Card>
    </Page>
  );
}

function Nobody({ subject }: { subject: string }) {
  const t = useText();
  return (
    <Welcome>
      <h1>{t.nobody}</h1>
      <p>{t.nobodyText}</p>
      <p>
        <code>{subject}</code>
      </p>
    </Welcome>
  );
}

type Failure = "signInFailed" | "unreachable";

function SignIn() {
  const t = useText();
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<Failure | null>(signInFailed.get() ? "signInFailed" : null);
  useEffect(() => {
    document.title = `${t.signIn} · ${t.product}`;
  }, [t]);
  const begin = async () => {
    setBusy(true);
    setFailed(null);
    try {
      await signIn();
    } catch {
      setBusy(false);
      setFailed("unreachable");
    }
  };
  return (
    <Welcome>
      <h1>
        {t.product} <small>{t.console}</small>
      </h1>
      <p>{t.signInLead}</p>
      {failed && (
        <p role="alert" class="error">
          {t[failed]}
        </p>
      )}
      <Button kind="primary" busy={busy} onClick={() => void begin()}>
        {t.signIn}
      </Button>
    </Welcome>
  );
}

function Welcome({ children }: { children: preact.ComponentChildren }) {
  return (
    <div class="welcome">
      <SkipLink />
      <header class="top">
        <Brand />
        <div class="top-end">
          <Preferences />
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        <Offline />
        <section class="card">{children}</section>
      </main>
    </div>
  );
}
