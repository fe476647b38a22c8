// Words for samplings and comparisons.
import type { Sampling } from './view';

export const SAMPLING_LABELS: Readonly<Record<Sampling, string>> = {
    minute: '1 min',
    '5minutes': '5 min',
    '15minutes': '15 min',
    '30minutes': '30 min',
    hour: 'hour',
    '6hours': '6 hours',
    day: 'day',
    week: 'week',
    month: 'month',
};

/** What the comparison is with, in words. */
export function beforeLabel(compare: string): string {
    switch (compare) {
        case 'day':
            return 'a day earlier';
        case 'week':
            return 'a week earlier';
        case 'month':
            return 'a month earlier';
        case 'year':
            return 'a year earlier';
        case 'year-weekday':
            return '52 weeks earlier';
        default:
            return 'the span before';
    }
}
