import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Role, Schema } from "./api.ts";

export type Me = Schema["Me"];
export type Acting = Role | "operator";

export interface Session {
  me: Me;
  acting: Acting;
}

export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("only for who is signed in");
  return session;
}

/** The side a person acts for, in the calls that both sides make. */
export function useRole(): Role {
  return useSession().acting === "merchant" ? "merchant" : "buyer";
}

/** The merchant or buyer that a person acts for; null for an operator, who acts for the platform. */
export function usePartyId(): string | null {
  const { me, acting } = useSession();
  return (acting !== "operator" && me[`${acting}_id`]) || null;
}

export function rolesOf(me: Me): Acting[] {
  const roles: Acting[] = [];
  if (me.merchant_id) roles.push("merchant");
  if (me.buyer_id) roles.push("buyer");
  if (me.operator) roles.push("operator");
  return roles;
}
