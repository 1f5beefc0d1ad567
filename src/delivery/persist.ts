/** Records what has already happened, however long the store is away. */
import { StoreUnavailable } from "../errors";

export interface PersistDeps {
  /** True once the process is ending: then the lease takes over. */
  isStopping: () => boolean;
  onError: (error: unknown) => void;
}

const pauseMs = 500;

export function createPersist({ isStopping, onError }: PersistDeps) {
  return async function persist<T>(write: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await write();
      } catch (error) {
        if (!(error instanceof StoreUnavailable) || isStopping()) throw error;
        onError(error);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
  };
}
