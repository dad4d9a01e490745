import {
  ErrorResponse,
  OidcClient,
  WebStorageStateStore,
  type RefreshState,
  type SigninResponse,
} from "oidc-client-ts";
import { LONGEST_MS } from "./backoff.ts";
import { CONSOLE } from "./base.ts";
import { remember, remembered } from "./memory.ts";
import { current, go } from "./router.ts";
import { store } from "./store.ts";

export interface Config {
  issuer: string;
  client_id: string;
  scope: string;
  authorization_endpoint: string | null;
  token_endpoint: string | null;
  end_session_endpoint: string | null;
}

/** What the identity provider gave; `expires_at` in seconds since 1970. */
type Tokens = {
  [K in
    | "access_token"
    | "refresh_token"
    | "id_token"
    | "expires_at"
    | "scope"
    | "profile"
    | "session_state"]: SigninResponse[K] | undefined;
};

const RENEW_BEFORE_SECONDS = 60;
const KEPT = "tokens";
const tab = () => sessionStorage;

let client: OidcClient;
let tokens: Tokens | null = null;
let renewing: Promise<boolean> | null = null;

/** Set when the session ended while the person was at work: the page stays, and asks. */
export const expired = store(false);

/** Set when one came back from the sign-in page, and not signed in. */
export const signInFailed = store(false);

/** Whether somebody is signed in. The first load of the page after the sign-in page ends it. */
export async function start(config: Config): Promise<boolean> {
  client = clientOf(config);
  const kept = remembered(tab, KEPT);
  tokens = kept ? (JSON.parse(kept) as Tokens) : null;
  const query = new URLSearchParams(location.search);
  if (query.has("state") && (query.has("code") || query.has("error"))) await finishSignIn();
  return tokens !== null && (!isOld(tokens) || renew());
}

export async function signIn(): Promise<void> {
  const { url } = await client.createSigninRequest({ state: { path: current() } });
  location.assign(url);
}

export async function signOut(): Promise<void> {
  const id_token_hint = tokens?.id_token;
  keep(null);
  try {
    const { url } = await client.createSignoutRequest({
      ...(id_token_hint && { id_token_hint }),
      post_logout_redirect_uri: CONSOLE.href,
      // Cognito has names of its own for what the standard calls post_logout_redirect_uri.
      extraQueryParams: { client_id: client.settings.client_id, logout_uri: CONSOLE.href },
    });
    location.assign(url);
  } catch {
    // The provider has no page for it, or can't be reached: this tab has no tokens any more.
    location.assign(CONSOLE.href);
  }
}

/** False from the moment of signing out: nothing may be asked any more. */
export function signedIn(): boolean {
  return tokens !== null;
}

/** Forget the tokens of this tab, and begin again. */
export async function signInAgain(): Promise<void> {
  keep(null);
  await signIn();
}

export async function accessToken(): Promise<string | null> {
  if (tokens && isOld(tokens)) await renew();
  return tokens?.access_token ?? null;
}

/** New tokens by the refresh token, once for all who ask meanwhile; false: the session is over. */
export function renew(): Promise<boolean> {
  renewing ??= silently().finally(() => {
    renewing = null;
  });
  return renewing;
}

async function silently(): Promise<boolean> {
  if (!tokens?.refresh_token) return false;
  const before = tokens;
  try {
    // Without the ID token that it had: a provider may say another auth_time at each refresh.
    const state = { ...before, id_token: undefined } as unknown as RefreshState;
    // biome-ignore lint/correctness/useHookAtTopLevel: a method of the client, and no hook
    const renewed = await client.useRefreshToken({ state });
    if (renewed.profile.sub !== before.profile?.sub) return false;
    // A provider may keep the refresh token as it is, and then does not send it again.
    const { refresh_token = before.refresh_token, id_token = before.id_token } = renewed;
    keep({ ...tokensOf(renewed), profile: before.profile, refresh_token, id_token });
    return true;
  } catch (error) {
    if (error instanceof ErrorResponse) return false;
    throw error; // no network: the session may well be good
  }
}

async function finishSignIn(): Promise<void> {
  let path = "";
  try {
    const answer = await client.processSigninResponse(location.href);
    keep(tokensOf(answer));
    path = (answer.userState as { path?: string } | undefined)?.path ?? "";
  } catch {
    // Refused, not reached, or an address that was used before: sign in anew.
    signInFailed.set(tokens === null);
  }
  go(path, true);
}

function keep(next: Tokens | null): void {
  tokens = next;
  remember(tab, KEPT, next && JSON.stringify(next));
}

function tokensOf(answer: SigninResponse): Tokens {
  const { access_token, refresh_token, id_token, expires_at, scope, profile, session_state } = answer;
  return { access_token, refresh_token, id_token, expires_at, scope, profile, session_state };
}

function isOld({ expires_at = 0 }: Tokens): boolean {
  return expires_at - RENEW_BEFORE_SECONDS < Date.now() / 1000;
}

function clientOf({ issuer, client_id, scope, ...endpoints }: Config): OidcClient {
  const { authorization_endpoint, token_endpoint, end_session_endpoint } = endpoints;
  const known = authorization_endpoint && token_endpoint && end_session_endpoint;
  return new OidcClient({
    authority: issuer,
    client_id,
    scope,
    redirect_uri: CONSOLE.href,
    requestTimeoutInSeconds: LONGEST_MS / 1000,
    stateStore: new WebStorageStateStore({ store: sessionStorage }),
    ...(known && { metadata: { issuer, authorization_endpoint, token_endpoint, end_session_endpoint } }),
  });
}
