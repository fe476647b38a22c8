// Incident marks: buckets of time in which far fewer calls were answered, or far fewer reached the called network's end,
// than a week earlier makes likely, and runs of buckets in which calls stopped. The figures are the API's; only the judgement
// is made here.

/** The calls of one bucket, of all destinations or of one. */
export interface Bucket {
    readonly start: number;
    readonly end: number;
    /** The group's value and how it is shown; null: all calls. */
    readonly group: { readonly value: string; readonly label: string } | null;
    readonly calls: number;
    /** Percent, as the API gives it; null without a call. */
    readonly asr: number | null;
    readonly ner: number | null;
    readonly callsBefore: number;
    readonly asrBefore: number | null;
    readonly nerBefore: number | null;
    /** The NER that the group has over weeks. */
    readonly nerUsual: number | null;
    readonly lost: number | null;
}

export interface Mark extends Bucket {
    readonly kind: 'asr' | 'ner' | 'stop';
    /** Answers lost, or for NER calls that the network lost; rounded to whole ones. */
    readonly lost: number;
}

/** Fewest calls of a bucket to judge its ratios, and fewest lost answers or failed calls: fewer are no reason to look. */
const FEWEST_CALLS = 12;
export const FEWEST_OF_NER = 5;
const FEWEST_LOST = 6;
const FEWEST_FAILED = 4;
/** Standard errors by which a ratio is off. By chance a bucket in a million is so far off. */
const EVIDENCE = 4.8;
/** No call is odd where so many are usual: by chance that happens once in e^30 times. */
const USUAL_CALLS = 30;
/** CDRs come when calls end, failed ones first: younger buckets look worse than they are. */
export const SETTLED = 900;
export const MOST_MARKS = 8;

/** How far the ASR is below the earlier one, in standard errors of the difference. */
function evidence({ calls, callsBefore, asr, asrBefore }: Bucket): number {
    if (asr === null || asrBefore === null || calls < FEWEST_CALLS || callsBefore < FEWEST_CALLS) return 0;
    const [share, before] = [asr / 100, asrBefore / 100];
    const pooled = (share * calls + before * callsBefore) / (calls + callsBefore);
    const error = Math.sqrt(pooled * (1 - pooled) * (1 / calls + 1 / callsBefore));
    return error === 0 ? 0 : (before - share) / error;
}

/**
 * How far the NER is below the usual one, as the root of the deviance, which holds for few calls too: NER hardly follows the
 * hours of the day, so that weeks tell what is usual. Where a week earlier it was half as low, it may do so all the same.
 */
function evidenceOfNer({ calls, ner, nerBefore, nerUsual }: Bucket): number {
    if (ner === null || nerBefore === null || nerUsual === null || calls < FEWEST_OF_NER) return 0;
    if (ner >= nerUsual || nerBefore < (ner + nerUsual) / 2) return 0;
    const [share, usual] = [ner / 100, Math.min(0.995, nerUsual / 100)];
    const part = (of: number, expected: number) => (of === 0 ? 0 : of * Math.log(of / expected));
    return Math.sqrt(2 * calls * (part(share, usual) + part(1 - share, 1 - usual)));
}

function judged(bucket: Bucket): Mark | null {
    const { calls, callsBefore, asrBefore, ner, nerUsual } = bucket;
    // Whether that is long enough to be odd, the whole run tells.
    if (calls === 0 && callsBefore > 0) return { ...bucket, kind: 'stop', lost: Math.round((callsBefore * (asrBefore ?? 0)) / 100) };
    const lost = Math.round(bucket.lost ?? 0);
    if (evidence(bucket) >= EVIDENCE && lost >= FEWEST_LOST) return { ...bucket, kind: 'asr', lost };
    const failed = (((nerUsual ?? 0) - (ner ?? 0)) * calls) / 100;
    if (evidenceOfNer(bucket) < EVIDENCE || failed < FEWEST_FAILED) return null;
    return { ...bucket, kind: 'ner', lost: Math.round(failed) };
}

/**
 * Judges buckets, each beside that of a week earlier; joins neighbours of one group, and leaves the worst that touch a window,
 * in the order of time.
 */
export function marks(buckets: readonly Bucket[], now: number, window = { start: -Infinity, end: Infinity }): Mark[] {
    const found = buckets.filter((bucket) => bucket.end + SETTLED <= now).flatMap((bucket) => judged(bucket) ?? []);
    found.sort((a, b) => key(a).localeCompare(key(b)) || a.start - b.start || a.end - b.end);
    const joined: Mark[] = [];
    for (const mark of found) {
        const last = joined.at(-1);
        // Two questions may have the same bucket.
        if (last !== undefined && key(last) === key(mark) && last.start === mark.start) continue;
        if (last !== undefined && key(last) === key(mark) && last.end >= mark.start) joined[joined.length - 1] = both(last, mark);
        else joined.push(mark);
    }
    const odd = joined.filter((mark) => mark.kind !== 'stop' || mark.callsBefore >= USUAL_CALLS);
    const isTold = (mark: Mark) => odd.some((other) => other.start < mark.end && mark.start < other.end && saysMore(other, mark));
    const isIn = (mark: Mark) => mark.start < window.end && window.start < mark.end;
    const worst = odd.filter((mark) => isIn(mark) && !isTold(mark)).sort((a, b) => b.lost - a.lost);
    return worst.slice(0, MOST_MARKS).sort((a, b) => a.start - b.start);
}

/**
 * A silence from the last call before it to the first one after it, by short buckets with calls or with calls a week earlier; at an
 * end where they have no call it stays as it is. It is then the same whatever buckets it was found in.
 */
export function silence(mark: Mark, buckets: readonly Pick<Bucket, 'start' | 'end' | 'calls' | 'callsBefore'>[]): Mark {
    const withCalls = buckets.filter(({ calls }) => calls > 0);
    const start = withCalls.findLast((bucket) => bucket.start < mark.start)?.end ?? mark.start;
    const end = withCalls.find((bucket) => bucket.end > mark.end)?.start ?? mark.end;
    const callsBefore = buckets
        .filter((bucket) => bucket.start >= start && bucket.end <= end)
        .reduce((sum, one) => sum + one.callsBefore, 0);
    return { ...mark, start, end, callsBefore: callsBefore || mark.callsBefore };
}

/** Whether one mark makes another at the same time needless: the destination to blame, or the answers that a low NER cost. */
function saysMore(other: Mark, mark: Mark): boolean {
    // Where most of the calls that are missing are one account's, its silence is meant.
    if (mark.kind === 'stop' || other.kind === 'stop')
        return mark.kind === other.kind && mark.group === null && other.group !== null && 2 * other.callsBefore > mark.callsBefore;
    if (mark.group === null && other.group !== null) return true;
    return mark.kind === 'ner' && other.kind === 'asr' && other.group?.value === mark.group?.value;
}

function key(mark: Mark): string {
    return `${mark.kind} ${mark.group?.value ?? ''}`;
}

function both(a: Mark, b: Mark): Mark {
    const [calls, callsBefore] = [a.calls + b.calls, a.callsBefore + b.callsBefore];
    const mean = (x: number | null, n: number, y: number | null, m: number) =>
        n + m === 0 ? null : ((x ?? 0) * n + (y ?? 0) * m) / (n + m);
    return {
        ...a,
        end: b.end,
        calls,
        callsBefore,
        lost: a.lost + b.lost,
        asr: mean(a.asr, a.calls, b.asr, b.calls),
        asrBefore: mean(a.asrBefore, a.callsBefore, b.asrBefore, b.callsBefore),
        ner: mean(a.ner, a.calls, b.ner, b.calls),
        nerBefore: mean(a.nerBefore, a.callsBefore, b.nerBefore, b.callsBefore),
    };
}
