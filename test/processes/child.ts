/** Processes of our own beside the bridge: forked, asked over their channel, gone when their parent is. */
import { fork } from "node:child_process";

/** What a child answers to, by name. */
export type Commands = Record<string, (...args: never[]) => unknown>;

export interface Child<Known extends Commands> {
  call<Name extends keyof Known & string>(
    name: Name,
    ...args: Parameters<Known[Name]>
  ): Promise<Awaited<ReturnType<Known[Name]>>>;
  end(): void;
}

interface Question {
  id: number;
  name: string;
  args: never[];
}

type Answer = { id: number; value: unknown } | { id: number; error: string };

/** Starts the TypeScript file `file`, which must call {@link answerParent}. */
export function forkChild<Known extends Commands>(file: string): Child<Known> {
  // Jest compiles for itself only: what it forks needs a compiler of its own.
  const child = fork(file, [], { serialization: "advanced", execArgv: ["--require", require.resolve("tsx/cjs")] });
  const waiting = new Map<number, { resolve(value: never): void; reject(error: Error): void }>();
  let asked = 0;
  let isOver = false;
  child.on("message", (told: Answer) => {
    const one = waiting.get(told.id);
    waiting.delete(told.id);
    if ("error" in told) one?.reject(new Error(told.error));
    else one?.resolve(told.value as never);
  });
  child.on("exit", (code, signal) => {
    isOver = true;
    for (const one of waiting.values()) one.reject(new Error(`${file} ended (${code ?? signal})`));
  });
  return {
    call(name, ...args) {
      return new Promise((resolve, reject) => {
        if (isOver) {
          reject(new Error(`${file} has ended`));
          return;
        }
        asked += 1;
        waiting.set(asked, { resolve, reject });
        child.send({ id: asked, name, args });
      });
    },
    end() {
      if (child.connected) child.disconnect();
    },
  };
}

/** In the child: answers the parent's calls, and ends with it. */
export function answerParent(commands: Commands): void {
  process.on("message", (question: Question) => {
    void answer(commands, question).then((told) => process.send?.(told));
  });
  process.on("disconnect", () => process.exit());
}

async function answer(commands: Commands, { id, name, args }: Question): Promise<Answer> {
  try {
    const command = commands[name];
    if (command === undefined) throw new Error(`no command ${name}`);
    return { id, value: await command(...args) };
  } catch (error) {
    return { id, error: String(error instanceof Error ? error.stack : error) };
  }
}
