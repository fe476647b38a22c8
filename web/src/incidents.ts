// Incident marks: buckets of time in which far fewer calls were answered than the comparison makes likely, and buckets
// in which calls stopped. The figures are the API's; only the judgement is made here.

/** The calls of one bucket, of all destinations or of one. */
export interface Bucket {
    readonly start: number;
    readonly end: number;
    /** The group's value and how it is shown; null: all calls. */
    readonly group: { readonly value: string; readonly label: string } | null;
    readonly calls: number;
    /** Percent, as the API gives it; null without a call. */
    readonly asr: number | null;
    readonly callsBefore: number;
    readonly asrBefore: number | null;
    readonly lost: number | null;
}

export interface Mark {
    readonly kind: 'asr' | 'stop';
    readonly start: number;
    readonly end: number;
    readonly group: Bucket['group'];
    readonly calls: number;
    readonly callsBefore: number;
    /** Answers lost, rounded to whole ones. */
    readonly lost: number;
    readonly asr: number | null;
    readonly asrBefore: number | null;
    readonly evidence: number;
}

/** Fewest calls of a bucket to judge its ASR, and fewest lost answers: fewer are no reason to look. */
const FEWEST_CALLS = 12;
const FEWEST_LOST = 6;
/** Standard errors between the two ASRs. By chance a bucket in a million is so far off. */
const EVIDENCE = 4.8;
/** A bucket without a call is odd where so many are usual: by chance that happens once in e^30 times. */
const USUAL_CALLS = 30;
/** CDRs come when calls end, failed ones first: younger buckets look worse than they are. */
export const SETTLED = 900;
export const MOST_MARKS = 8;

/** How far the ASR is below the earlier one, in standard errors of the difference. */
function evidence(bucket: Bucket): number {
    const { calls, callsBefore, asr, asrBefore } = bucket;
    if (asr === null || asrBefore === null || calls < FEWEST_CALLS || callsBefore < FEWEST_CALLS) return 0;
    const [share, before] = [asr / 100, asrBefore / 100];
    const pooled = (share * calls + before * callsBefore) / (calls + callsBefore);
    const error = Math.sqrt(pooled * (1 - pooled) * (1 / calls + 1 / callsBefore));
    return error === 0 ? 0 : (before - share) / error;
}

function judged(bucket: Bucket): Mark | null {
    const { start, end, group, calls, callsBefore, asr, asrBefore } = bucket;
    const of = { start, end, group, calls, callsBefore, asr, asrBefore };
    if (calls === 0 && callsBefore >= USUAL_CALLS) {
        const lost = Math.round((callsBefore * (asrBefore ?? 0)) / 100);
        return { ...of, kind: 'stop', lost, evidence: Math.sqrt(callsBefore) };
    }
    const found = evidence(bucket);
    const lost = bucket.lost ?? 0;
    if (found < EVIDENCE || lost < FEWEST_LOST) return null;
    return { ...of, kind: 'asr', lost: Math.round(lost), evidence: found };
}

/** Judges buckets, which are compared with the same weekday or not (then a quiet one may be a Sunday); joins neighbours of one group, and leaves the worst, in the order of time. */
export function marks(buckets: readonly Bucket[], now: number, isSameWeekday: boolean): Mark[] {
    const found = buckets
        .filter((bucket) => bucket.end + SETTLED <= now)
        .flatMap((bucket) => judged(bucket) ?? [])
        .filter((mark) => mark.kind === 'asr' || isSameWeekday);
    found.sort((a, b) => key(a).localeCompare(key(b)) || a.start - b.start);
    const joined: Mark[] = [];
    for (const mark of found) {
        const last = joined.at(-1);
        if (last !== undefined && key(last) === key(mark) && last.end >= mark.start) joined[joined.length - 1] = both(last, mark);
        else joined.push(mark);
    }
    // All calls together say less than the destination that is to blame: where one is marked, the whole is not.
    const named = joined.filter((mark) => mark.group !== null);
    const left = joined.filter(
        (mark) => mark.group !== null || mark.kind === 'stop' || !named.some((other) => other.start < mark.end && mark.start < other.end),
    );
    const worst = left.sort((a, b) => b.lost - a.lost).slice(0, MOST_MARKS);
    return worst.sort((a, b) => a.start - b.start);
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
        evidence: Math.max(a.evidence, b.evidence),
    };
}
