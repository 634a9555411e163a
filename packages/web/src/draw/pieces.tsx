/** Which pieces are here, as a strip: one column per pixel, full where all of its pieces are. */
import type { PiecesReport } from '@kith/api';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { palette } from '../lib/quality.ts';

export function Pieces({ pieces }: { readonly pieces: PiecesReport }): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const here = hereOf(pieces);
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (element === null || context === null || context === undefined) return;
    const width = Math.min(pieces.count, element.clientWidth || 600);
    element.width = width;
    element.height = 1;
    context.fillStyle = palette().get('--accent') ?? '#088';
    for (const [column, part] of columnsOf(pieces, width).entries()) {
      context.globalAlpha = part;
      context.fillRect(column, 0, 1, 1);
    }
  }, [pieces]);
  const text = `${here} of ${pieces.count} pieces`;
  return (
    <>
      <h2>Pieces</h2>
      <canvas class="pieces" ref={canvas} role="img" aria-label={text} />
      <p class="quiet">{text}</p>
    </>
  );
}

function bitsOf({ have }: PiecesReport): Uint8Array {
  return Uint8Array.from(atob(have), (character) => character.charCodeAt(0));
}

function hereOf({ count, have }: PiecesReport): number {
  const bits = bitsOf({ count, have });
  let here = 0;
  for (let piece = 0; piece < count; piece++) if (hasBit(bits, piece)) here++;
  return here;
}

function hasBit(bits: Uint8Array, piece: number): boolean {
  return (((bits[piece >> 3] ?? 0) >> (7 - (piece & 7))) & 1) === 1;
}

/** The part of each column's pieces that is here, 0..1. */
function columnsOf(pieces: PiecesReport, width: number): Float32Array {
  const bits = bitsOf(pieces);
  const columns = new Float32Array(width);
  const sizes = new Uint32Array(width);
  for (let piece = 0; piece < pieces.count; piece++) {
    const column = Math.floor((piece * width) / pieces.count);
    sizes[column] = (sizes[column] ?? 0) + 1;
    if (hasBit(bits, piece)) columns[column] = (columns[column] ?? 0) + 1;
  }
  return columns.map((here, column) => here / (sizes[column] || 1));
}
