import { useEffect } from "preact/hooks";
import { call, type Schema } from "../../api.ts";
import { openedLately } from "../../lately.ts";
import { useLoad, type Load } from "../../load.ts";
import { useSession } from "../../session.ts";

/** A merchant as it stands; one that is known to be anybody is remembered as opened. */
export function useOverview(id: string): Load<Schema["MerchantOverview"]> {
  const { subject } = useSession().me;
  const load = useLoad(`merchant:${id}`, (signal) =>
    call("get", "/merchants/{merchant_id}", { path: { merchant_id: id }, signal }),
  );
  const known = load.data !== null && (load.data.certification !== null || load.data.wallets.length > 0);
  useEffect(() => {
    if (known) openedLately(subject, id);
  }, [known, subject, id]);
  return load;
}
