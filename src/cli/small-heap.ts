/**
 * Keeps the memory of a server below what V8 would let it grow to on a large machine. Loaded before everything else, because
 * reading the program makes more garbage than running it.
 */
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";

/** Megabytes of one half of the space for new objects while the server runs. */
const newSpaceMb = 7;

// The bridge holds little for long: collecting once the heap has grown by a tenth costs little.
setFlagsFromString("--heap-growing-percent=10");
setFlagsFromString("--semi-space-growth-factor=1");

/** Gives new objects the room that a busy server needs: once, as soon as it needs it. */
export function makeRoomForWork(): void {
  setFlagsFromString(`--semi-space-growth-factor=${newSpaceMb}`);
  const watch = setInterval(() => {
    const space = getHeapSpaceStatistics().find(({ space_name: name }) => name === "new_space");
    if (space === undefined || space.space_size < newSpaceMb * 2_000_000) return;
    setFlagsFromString("--semi-space-growth-factor=1");
    clearInterval(watch);
  }, 100);
  watch.unref();
}
