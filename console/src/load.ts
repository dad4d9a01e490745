import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { pollDelay } from "./backoff.ts";
import { mayPass, Problem } from "./problems.ts";

/** What is shown of what is loaded. */
export interface Shown<T> {
  data: T | null;
  problem: Problem | null;
  loading: boolean;
  reload: () => void;
}

export interface Load<T> extends Shown<T> {
  key: string;
  /** Put in what a call has just answered. */
  put: (data: T) => void;
}

/**
 * Loads when shown, whenever `key` changes, and when the network is back that was missed; what was
 * shown stays while it loads again.
 */
export function useLoad<T>(key: string, load: (signal: AbortSignal) => Promise<T>): Load<T> {
  const [state, setState] = useState<{ key: string; data: T | null; problem: Problem | null }>({
    key,
    data: null,
    problem: null,
  });
  const [round, setRound] = useState(0);
  const [loading, setLoading] = useState(true);
  const latest = useRef(load);
  latest.current = load;
  const underWay = useRef<AbortController | null>(null);
  const newest = useRef(key);
  newest.current = key;

  useEffect(() => {
    const abort = new AbortController();
    underWay.current = abort;
    setLoading(true);
    latest
      .current(abort.signal)
      .then((data) => {
        if (!abort.signal.aborted) setState({ key, data, problem: null });
      })
      .catch((error: unknown) => {
        if (abort.signal.aborted) return;
        if (!(error instanceof Problem)) throw error;
        setState((old) => ({ key, data: old.key === key ? old.data : null, problem: error }));
      })
      .finally(() => {
        if (!abort.signal.aborted) setLoading(false);
      });
    return () => abort.abort();
  }, [key, round]);

  const reload = useCallback(() => setRound((old) => old + 1), []);
  const put = useCallback(
    (data: T) => {
      if (key !== newest.current) return;
      // What is under way was asked for before: its answer may be older.
      underWay.current?.abort();
      setLoading(false);
      setState({ key, data, problem: null });
    },
    [key],
  );
  const mine = state.key === key;
  const problem = mine ? state.problem : null;
  const missed = problem?.status === 0;
  useEffect(() => {
    if (!missed) return;
    addEventListener("online", reload);
    return () => removeEventListener("online", reload);
  }, [missed]);
  return { key, data: mine ? state.data : null, problem, loading, reload, put };
}

export interface Following<T> {
  /** Nothing more will change by itself. */
  done: (data: T) => boolean;
  /** What comes next may take long: no need to look so soon. */
  waits: (data: T) => boolean;
}

/** For what changes now and then, and never for the last time. */
export const NOW_AND_THEN: Following<unknown> = { done: () => false, waits: () => true };

/**
 * Looks at what is loaded again and again until it is done, less and less often; not while the page
 * is hidden, and at once when it is looked at again.
 */
export function useFollow<T>(loaded: Load<T>, { done, waits }: Following<T>): void {
  const looks = useRef(0);
  const { key, data, problem, loading, reload } = loaded;
  const status = data === null ? "" : JSON.stringify(data);
  useEffect(() => {
    looks.current = 0;
  }, [key, status]);
  useEffect(() => {
    if (loading || (problem ? !mayPass(problem) : data === null) || (data !== null && done(data))) return;
    const look = () => {
      if (!document.hidden) reload();
    };
    const delay = pollDelay(looks.current++, data !== null && waits(data));
    const timer = setTimeout(look, delay);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [loading, data, problem]);
}

export interface Action<A extends unknown[]> {
  run: (...given: A) => Promise<void>;
  busy: boolean;
  problem: Problem | null;
  clear: () => void;
}

/** One thing done at a time: a second click while it is under way does nothing. */
export function useAction<A extends unknown[]>(work: (...given: A) => Promise<void>): Action<A> {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const under = useRef(false);
  const run = async (...given: A) => {
    if (under.current) return;
    under.current = true;
    setBusy(true);
    setProblem(null);
    try {
      await work(...given);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
    } finally {
      under.current = false;
      setBusy(false);
    }
  };
  return { run, busy, problem, clear: () => setProblem(null) };
}

interface Page<T> {
  items: T[];
  next_cursor: string | null;
  /** Whether it is more than the first page. */
  longer?: boolean;
}

export interface Pages<T> extends Shown<T[]> {
  more: (() => void) | null;
  /** Whether more is being loaded. */
  extending: boolean;
}

/**
 * A list by its cursors; a page may be empty and not be the last, so empty ones are passed over.
 *
 * It is followed as long as only its first page is shown: nobody loses their place.
 */
export function usePages<T>(
  key: string,
  load: (cursor: string | undefined, signal?: AbortSignal) => Promise<Page<T>>,
  following: Following<T[]> = { done: () => true, waits: () => true },
): Pages<T> {
  const filled = async (cursor: string | undefined, signal?: AbortSignal): Promise<Page<T>> => {
    let page = await load(cursor, signal);
    while (page.items.length === 0 && page.next_cursor) page = await load(page.next_cursor, signal);
    return page;
  };
  const first = useLoad(key, (signal) => filled(undefined, signal));
  const next = useAction(async () => {
    if (!first.data?.next_cursor) return;
    const page = await filled(first.data.next_cursor);
    first.put({ ...page, items: [...first.data.items, ...page.items], longer: true });
  });
  const loading = first.loading || next.busy;
  useFollow({ ...first, loading }, {
    done: ({ items, longer }) => longer === true || following.done(items),
    waits: ({ items }) => following.waits(items),
  });
  return {
    data: first.data?.items ?? null,
    problem: first.problem ?? next.problem,
    loading,
    reload: first.reload,
    more: first.data?.next_cursor ? () => void next.run() : null,
    extending: next.busy,
  };
}
