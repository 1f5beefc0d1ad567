/** One run: a bridge under load that is killed again and again, or stopped, then left alone until it is quiet, and what is found then. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BridgeProcess, builtMain, findFreePort, runCommand, spawnBridge } from "../processes/bridge";
import { forkChild } from "../processes/child";
import type { Stores } from "../processes/store";
import { createRandom, shuffle } from "./chance";
import type { Evidence, Kill, Stop, StoredAttempt, StoredItem } from "./judge";
import type { LoadCommands } from "./load";
import { adminToken, sendTimeoutMs, writeSettings } from "./messages";
import { type Step, steps } from "./steps";
import type { WorldCommands } from "./world";

export interface ScenarioPlan {
  /** One process with both halves, or two of each on one PostgreSQL. */
  shape: "single" | "cluster";
  kills: number;
  seed: number;
  tell(line: string): void;
}

/** A place for a process, which takes the same port whenever it is started again. */
interface Post {
  name: string;
  half: Step["half"];
  args: string[];
  port: number;
  url: string;
  process?: BridgeProcess;
}

const recipients = 300;
const pauseMs = 800;
const mortal = join(__dirname, "mortal.ts");
/** How long one may work before it is killed, and wait for the step at which it is to die. */
const mostWorkMs = 1500;
const stepWithinMs = 10_000;
/** Longer than the lease of a send, so that the others take over. */
const stoppedMs = sendTimeoutMs + 7000;
/** Of the turns of a cluster's process: it is stopped, not killed. One process alone would only be late. */
const stopShare = 0.15;
/** Longer than any lease: what a dead process holds is due when the clock is this far ahead. */
const clockAheadMs = 180_000;
/** Nothing should take this long once nobody is killed any more. */
const quietWithinMs = 120_000;

export async function runScenario(stores: Stores, plan: ScenarioPlan): Promise<Evidence> {
  const { tell } = plan;
  const random = createRandom(plan.seed);
  const startedAt = Date.now();
  const store = await stores.create();
  const posts = await createPosts(plan.shape);
  const webUrls = posts.filter((post) => post.half !== "worker").map((post) => post.url);
  const world = forkChild<WorldCommands>(join(__dirname, "world.ts"));
  const load = forkChild<LoadCommands>(join(__dirname, "load.ts"));
  try {
    const { adapterUrl, genesysUrl, smtpUrl } = await world.call("start", webUrls);
    const settingsFile = join(store.directory, "settings.json");
    writeFileSync(settingsFile, JSON.stringify(writeSettings(adapterUrl, smtpUrl)));
    const env = {
      ...store.env,
      OMB_CONFIG: settingsFile,
      ADMIN_TOKEN: adminToken,
      GENESYS_GATEWAY_URL: genesysUrl,
      GENESYS_CLIENT_ID: "crash",
      GENESYS_CLIENT_SECRET: "crash",
      LOG_LEVEL: "warn",
    };
    const start = (post: Post, extra: Record<string, string> = {}): BridgeProcess => {
      const program = Object.keys(extra).length > 0 ? [...process.execArgv, mortal] : [builtMain];
      const logFile = join(store.directory, `${post.name}.log`);
      const args = [...program, ...post.args];
      const started = spawnBridge({ args, env: { ...env, ...extra }, port: post.port, logFile });
      post.process = started;
      return started;
    };

    await load.call("start", { urls: webUrls, recipients, pauseMs, seed: plan.seed });
    const { kills, stops } = await killAgainAndAgain(posts, start, { ...plan, random });
    tell(
      `${kills.length} kills and ${stops.length} stops done, ${await load.call("acknowledged")} messages acknowledged; waiting until it is quiet`,
    );
    const loaded = await load.call("stop");
    while ((await world.call("waitingReports")) > 0) await pause(100);

    const exitCodes = await Promise.all(posts.map(stopInOrder));
    const last = posts.map((post) => start(post, { OMB_CLOCK_AHEAD_MS: String(clockAheadMs) }));
    await Promise.all(last.map((one) => one.ready()));
    const api = createApi(webUrls[0] ?? "");
    const quiet = await waitUntilQuiet(api);
    const items = await api.list();
    const seen = await world.call("report");
    const counts = new Map<string, number>();
    for (const { messageId } of seen.sightings) counts.set(messageId, (counts.get(messageId) ?? 0) + 1);
    const attempts = new Map<string, StoredAttempt[]>();
    for (const [messageId, count] of counts) if (count > 1) attempts.set(messageId, await api.attempts(messageId));
    const audit = await runCommand(["audit", "--json"], env);
    await Promise.all(posts.map(stopInOrder));
    return {
      seconds: (Date.now() - startedAt) / 1000,
      load: loaded,
      world: seen,
      kills,
      stops,
      items,
      attempts,
      audit: { code: audit.code, findings: readFindings(audit.stdout) ?? [audit.stderr] },
      quiet,
      exitCodes,
    };
  } finally {
    for (const post of posts) post.process?.kill();
    await Promise.all(posts.map((post) => post.process?.ended));
    load.end();
    world.end();
    await store.remove();
  }
}

async function createPosts(shape: ScenarioPlan["shape"]): Promise<Post[]> {
  const wanted: Pick<Post, "name" | "half" | "args">[] =
    shape === "single"
      ? [{ name: "bridge", half: "both", args: ["serve"] }]
      : [
          { name: "web-1", half: "web", args: ["serve", "--web"] },
          { name: "web-2", half: "web", args: ["serve", "--web"] },
          { name: "worker-1", half: "worker", args: ["serve", "--worker"] },
          { name: "worker-2", half: "worker", args: ["serve", "--worker"] },
        ];
  const posts: Post[] = [];
  for (const one of wanted) {
    const port = await findFreePort();
    posts.push({ ...one, port, url: `http://127.0.0.1:${port}` });
  }
  return posts;
}

/**
 * Every process is told when it starts how it will die: at a named step, or at any time. Each post goes on until all kills are
 * spent and is left running then.
 */
async function killAgainAndAgain(
  posts: Post[],
  start: (post: Post, extra?: Record<string, string>) => BridgeProcess,
  { kills: total, random, tell }: ScenarioPlan & { random: () => number },
): Promise<{ kills: Kill[]; stops: Stop[] }> {
  const kills: Kill[] = [];
  const stops: Stop[] = [];
  let planned = 0;
  let startMs = 1000;
  await Promise.all(
    posts.map(async (post) => {
      const fates = drawFates(post.half, random);
      while (planned < total) {
        if (posts.length > 1 && random() < stopShare) stops.push(await stopAndGoOn(post));
        planned += 1;
        const step = fates.next().value;
        const kill = step === undefined ? await dieAnyTime(post) : await dieAt(post, step);
        kills.push(kill);
        if (kills.length % 10 === 0) tell(`${kills.length} of ${total} kills`);
      }
      await start(post).ready();
    }),
  );
  return { kills, stops };

  /** Every thread of it stands still, as on a machine that is frozen, and its connections stay open. */
  async function stopAndGoOn(post: Post): Promise<Stop> {
    const running = start(post);
    await running.ready();
    await pause(mostWorkMs * random());
    const from = Date.now();
    process.kill(running.pid, "SIGSTOP");
    await pause(stoppedMs);
    process.kill(running.pid, "SIGCONT");
    const until = Date.now();
    await pause(mostWorkMs);
    await running.stop();
    return { from, until, post: post.name };
  }

  /** From before it listens, in the middle of its recovery, up to full work. */
  async function dieAnyTime(post: Post): Promise<Kill> {
    const running = start(post);
    if (random() < 0.3) await pause(startMs * random());
    else {
      await noteStart(running);
      await pause(mostWorkMs * random());
    }
    running.kill();
    await running.ended;
    return { at: Date.now(), post: post.name, step: "any time" };
  }

  async function dieAt(post: Post, step: Step): Promise<Kill> {
    const times = 1 + Math.floor(step.mostTimes * random());
    const running = start(post, { OMB_DIE_AT: `${step.name}:${times}` });
    let isReached = true;
    const timer = setTimeout(() => {
      isReached = false;
      running.kill();
    }, startMs + stepWithinMs);
    const { signal, code } = await running.ended;
    clearTimeout(timer);
    if (signal !== "SIGKILL") throw new Error(`${post.name} ended by itself, with ${code ?? signal}`);
    return { at: Date.now(), post: post.name, step: isReached ? step.name : "any time" };
  }

  async function noteStart(running: BridgeProcess): Promise<void> {
    const startedAt = Date.now();
    await running.ready();
    startMs = Date.now() - startedAt;
  }
}

/** Each step once and some kills at any time, in an order of chance, over and over; undefined stands for any time. */
function* drawFates(half: Step["half"], random: () => number): Generator<Step | undefined, never> {
  const own = steps.filter((step) => half === "both" || step.half === half || step.half === "both");
  for (;;) yield* shuffle([...own, ...Array.from({ length: Math.ceil(own.length / 3) }, () => undefined)], random);
}

async function stopInOrder({ process: running }: Post): Promise<number | null> {
  await running?.stop();
  return (await running?.ended)?.code ?? null;
}

function createApi(url: string) {
  const headers = { authorization: `Bearer ${adminToken}` };
  async function get<Body>(path: string): Promise<Body> {
    const answer = await fetch(url + path, { headers });
    if (!answer.ok) throw new Error(`GET ${path}: HTTP ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Body;
  }
  type Page = { items: StoredItem[]; nextCursor: string | null };
  return {
    tasks: async () => (await get<{ queues: { queue: string; tasks: number }[] }>("/health/details")).queues,
    open: async () => (await get<Page>("/api/v1/messages?fate=open&limit=1")).items.length,
    async list(): Promise<StoredItem[]> {
      const items: StoredItem[] = [];
      for (let cursor: string | null = ""; cursor !== null; ) {
        const page: Page = await get(`/api/v1/messages?limit=1000${cursor === "" ? "" : `&cursor=${cursor}`}`);
        items.push(...page.items);
        cursor = page.nextCursor;
      }
      return items;
    },
    attempts: async (id: string) =>
      (await get<{ attempts: StoredAttempt[] }>(`/api/v1/messages/${encodeURIComponent(id)}`)).attempts,
  };
}

/** True once nothing is due and nothing is open. */
async function waitUntilQuiet(api: ReturnType<typeof createApi>): Promise<boolean> {
  const endsAt = Date.now() + quietWithinMs;
  while (Date.now() < endsAt) {
    if ((await api.tasks()).length === 0 && (await api.open()) === 0) return true;
    await pause(200);
  }
  return false;
}

function readFindings(stdout: string): unknown[] | undefined {
  try {
    return (JSON.parse(stdout) as { findings: unknown[] }).findings;
  } catch {
    return undefined;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
