// A chart's buckets of time.
import type { Table } from './api';
import type { Scene } from './ask';
import { position } from './numbers';
import { bucketOf } from './times';
import { grid } from './window';

/** A chart's buckets with the row of the answer that each has, or null where no call was. */
export interface Buckets {
    readonly starts: readonly number[];
    readonly rows: readonly (number | null)[];
}

/** All buckets of the window: the API leaves those without a call out. */
export function bucketsOf(scene: Scene, table: Table): Buckets {
    const times = (table.data['t'] ?? []).map((cell) => position(cell) ?? 0);
    const rows = new Map(times.map((start, row) => [start, row]));
    const laid = grid(scene.window, scene.sampling, scene.zone);
    const end = laid.at(-1) ?? scene.window.end;
    // A bucket that the answer has and the grid has not is shown all the same.
    const starts = [...new Set([...laid.slice(0, -1), ...times])].sort((a, b) => a - b);
    const last = starts.at(-1) ?? end;
    const after = Math.max(end, bucketOf(last, scene.sampling, scene.zone).end);
    return { starts: [...starts, after], rows: starts.map((start) => rows.get(start) ?? null) };
}
