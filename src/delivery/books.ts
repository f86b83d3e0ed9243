/** What a task keeps of its deliveries; outcomes are written into them, and each commit is made of them. */
import type { Marks } from './marks.ts';
import type { PackedValues } from './packed-values.ts';
import type { SendWindow } from './send-window.ts';
import type { StateWrites } from './state-writes.ts';

/** The books of the task that outcomes are written into. */
export interface Books {
  readonly window: SendWindow;
  readonly marks: Marks;
  readonly writes: StateWrites;
  /** The values of what is pending. */
  readonly values: PackedValues;
  /** Something has changed that the next commit will write. */
  readonly changed: () => void;
}
