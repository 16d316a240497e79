using System.Buffers.Binary;

namespace Rehost.Archives;

/// <summary>
/// Undoes the x86 branch filter (BCJ): the targets of CALL and JMP were made absolute to compress better. Five bytes are needed to decide, so up to
/// four stay behind between chunks.
/// </summary>
internal sealed class X86Filter(MemberDecoder source, uint startOffset) : MemberDecoder
{
    private static readonly bool[] MaskAllowed = [true, true, true, false, true, false, false, false];
    private static readonly int[] MaskToBit = [0, 1, 2, 2, 3, 3, 3, 3];
    private byte[] buffer = new byte[512 * 1024];
    private int kept;
    private int filtered;
    private uint position = startOffset;
    private uint previousMask;
    private bool sourceEnded;

    public override ReadOnlyMemory<byte> NextChunk()
    {
        buffer.AsSpan(filtered, kept).CopyTo(buffer);
        filtered = 0;
        while (!sourceEnded && filtered == 0)
        {
            var chunk = source.NextChunk();
            sourceEnded = chunk.IsEmpty;
            if (kept + chunk.Length > buffer.Length)
            {
                Array.Resize(ref buffer, kept + chunk.Length);
            }

            chunk.Span.CopyTo(buffer.AsSpan(kept));
            kept += chunk.Length;
            filtered = Undo(buffer.AsSpan(0, kept));
            position = unchecked(position + (uint)filtered);
        }

        if (sourceEnded && filtered == 0)
        {
            // The last bytes are too few for a branch and were never changed.
            filtered = kept;
        }

        kept -= filtered;
        return buffer.AsMemory(0, filtered);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            source.Dispose();
        }

        base.Dispose(disposing);
    }

    private static bool IsSign(byte value) => value is 0 or 0xFF;

    private int Undo(Span<byte> data)
    {
        if (data.Length < 5)
        {
            return 0;
        }

        unchecked
        {
            // The mask remembers, for the three bytes before, which were opcodes whose operand may overlap this one.
            var at = 0;
            var previous = -1;
            var mask = previousMask;
            var limit = data.Length - 5;
            while (true)
            {
                var skip = at <= limit ? FindOpcode(data.Slice(at, limit + 1 - at)) : -1;
                if (skip < 0)
                {
                    // A branch converted last may reach behind the limit; its bytes must not be looked at again.
                    at = Math.Max(at, limit + 1);
                    break;
                }

                at += skip;
                var distance = at - previous;
                previous = at;
                mask = distance > 3 ? 0 : (mask << (distance - 1)) & 7;
                if (mask != 0)
                {
                    var test = data[at + 4 - MaskToBit[mask]];
                    if (!MaskAllowed[mask] || IsSign(test))
                    {
                        mask = ((mask << 1) & 7) | 1;
                        previous = at;
                        at++;
                        continue;
                    }
                }

                if (IsSign(data[at + 4]))
                {
                    var value = BinaryPrimitives.ReadUInt32LittleEndian(data[(at + 1)..]);
                    uint result;
                    while (true)
                    {
                        result = value - (position + (uint)at + 5);
                        if (mask == 0)
                        {
                            break;
                        }

                        var shift = MaskToBit[mask] * 8;
                        if (!IsSign((byte)(result >> (24 - shift))))
                        {
                            break;
                        }

                        value = result ^ ((1u << (32 - shift)) - 1);
                    }

                    result = (result & 0x1FFFFFF) | (0u - (result & 0x1000000));
                    BinaryPrimitives.WriteUInt32LittleEndian(data[(at + 1)..], result);
                    at += 5;
                    mask = 0;
                    previous = at - 1;
                }
                else
                {
                    mask = ((mask << 1) & 7) | 1;
                    at++;
                }
            }

            previousMask = at - previous > 3 ? 0 : (mask << (at - previous - 1)) & 7;
            return at;
        }
    }

    private static int FindOpcode(ReadOnlySpan<byte> data) => data.IndexOfAny((byte)0xE8, (byte)0xE9);
}
