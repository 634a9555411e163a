/** A chart of values over time. */
import 'uplot/dist/uPlot.min.css';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import UPlot from 'uplot';
import { palette } from '../lib/quality.ts';

export interface Series {
  readonly label: string;
  readonly values: readonly (number | null)[];
  /** Name of a colour of the style sheet. */
  readonly colour: string;
}

const HEIGHT = 190;

export function Chart({
  title,
  times,
  span,
  series,
  format,
}: {
  readonly title: string;
  /** ms since 1970 */
  readonly times: readonly number[];
  /** ms that are shown, up to now. */
  readonly span: number;
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
}): JSX.Element {
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const colours = palette();
    const colour = (name: string): string => colours.get(name) ?? '#888';
    const axis = { stroke: colour('--quiet'), grid: { stroke: colour('--line') }, ticks: { stroke: colour('--line') } };
    const plot = new UPlot(
      {
        ...{ title, width: Math.max(200, element.clientWidth - 16), height: HEIGHT },
        scales: {
          x: { range: () => [(Date.now() - span) / 1000, Date.now() / 1000] },
          y: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] },
        },
        axes: [
          { ...axis, space: 90 },
          { ...axis, size: 70, values: (_, ticks) => ticks.map(format) },
        ],
        series: [
          {},
          ...series.map(({ label, colour: name }) => ({
            ...{ label, stroke: colour(name), width: 2, spanGaps: false },
            value: (_: UPlot, value: number | null) => (value === null ? '–' : format(value)),
          })),
        ],
      },
      [times.map((time) => time / 1000), ...series.map(({ values }) => [...values])],
      element,
    );
    const resize = new ResizeObserver(() =>
      plot.setSize({ width: Math.max(200, element.clientWidth - 16), height: HEIGHT }),
    );
    resize.observe(element);
    return () => {
      resize.disconnect();
      plot.destroy();
    };
  }, [title, times, span, series, format]);
  const last = series.map(({ label, values }) => `${label} ${lastOf(values, format)}`).join(', ');
  return <div class="chart" ref={frame} role="img" aria-label={`${title}: ${last}`} />;
}

function lastOf(values: readonly (number | null)[], format: (value: number) => string): string {
  const value = values.findLast((each) => each !== null);
  return value === undefined || value === null ? 'not known' : format(value);
}
