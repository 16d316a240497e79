using System.Diagnostics;

namespace Rehost.Fuzz.Engine;

/// <summary>Makes an input that breaks something as small, and as empty, as it can be with the same fault.</summary>
internal sealed class Minimiser(FuzzTarget target, Executor executor, int seed)
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(25);
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly ImageBuffer _buffer = new();

    /// <summary>The smallest input that was found.</summary>
    public byte[] Minimise(byte[] input, string key)
    {
        var isElastic = target.IsText || (target.IsElastic && input.Length < ImageBuffer.LargeFrom);
        var best = input;
        if (Fails(best, key) is not { } first)
        {
            return input; // depends on what was executed before
        }

        best = first;
        for (var before = -1L; before != Weigh(best) && !IsOver();)
        {
            before = Weigh(best);
            if (isElastic)
            {
                best = Cut(best, key);
            }

            if (!target.IsText)
            {
                best = Empty(best, key);
            }
        }

        return best;
    }

    private bool IsOver() => _watch.Elapsed > Longest;

    private static long Weigh(byte[] content) => content.Length + (long)content.AsSpan().Length - content.AsSpan().Count((byte)0);

    private byte[] Cut(byte[] content, string key)
    {
        for (var piece = content.Length / 2; piece > 0 && !IsOver(); piece /= 2)
        {
            for (var at = 0; at < content.Length && !IsOver();)
            {
                var length = Math.Min(piece, content.Length - at);
                if (Fails([.. content.AsSpan(0, at), .. content.AsSpan(at + length)], key) is { } smaller && smaller.Length < content.Length)
                {
                    content = smaller;
                }
                else
                {
                    at += length;
                }
            }
        }

        return content;
    }

    private byte[] Empty(byte[] content, string key)
    {
        for (var piece = Math.Max(1, content.Length / 2); piece > 0 && !IsOver(); piece /= 2)
        {
            for (var at = 0; at < content.Length && !IsOver(); at += piece)
            {
                var length = Math.Min(piece, content.Length - at);
                if (!content.AsSpan(at, length).ContainsAnyExcept((byte)0))
                {
                    continue;
                }

                var candidate = (byte[])content.Clone();
                candidate.AsSpan(at, length).Clear();
                if (Fails(candidate, key) is { } emptier && Weigh(emptier) < Weigh(content))
                {
                    content = emptier;
                }
            }
        }

        return content;
    }

    /// <summary>The input as it was executed, sealed, when it fails in the same way.</summary>
    private byte[]? Fails(byte[] content, string key)
    {
        _buffer.Replace((byte[])content.Clone());
        target.Seal?.Invoke(_buffer);
        var executed = _buffer.ToArray();
        return executor.Execute(_buffer, seed).Fault?.Key == key ? executed : null;
    }
}
