/** A caller of Genesys Cloud in a process of its own. */
import { answerParent } from "./child";
import { type CallerOptions, createCaller, type Load } from "./genesys-caller";

let caller: ReturnType<typeof createCaller> | undefined;

function opened() {
  if (caller === undefined) throw new Error("open it first");
  return caller;
}

const commands = {
  open(options: CallerOptions) {
    caller = createCaller(options);
    return caller.logIn();
  },
  run: (load: Load) => opened().run(load),
  close: () => opened().close(),
};
export type CallerCommands = typeof commands;

answerParent(commands);
