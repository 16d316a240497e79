using System.Text;

namespace Rehost.Proof.Xen;

/// <summary>
/// The second serial line of the laboratory: output of the guests, one after the other, and between them lines of dom0 that start with a word the guests do
/// not know. Guest output is passed on at once, because a prompt waits without an end of line; only what may become a line of dom0 is held back.
/// </summary>
/// <param name="nonce">The word.</param>
internal sealed class XenLabConsole(string nonce)
{
    private const int LongestLine = 1024;
    private readonly byte[] _mark = Encoding.ASCII.GetBytes(nonce + " ");
    private readonly List<byte> _held = [];
    private bool _isAtStart = true;

    /// <summary>Takes what came.</summary>
    /// <param name="bytes">Bytes.</param>
    /// <param name="onOutput">Called with a guest's output.</param>
    /// <param name="onLine">Called with a line of dom0, the word taken off.</param>
    public void Feed(ReadOnlySpan<byte> bytes, Action<byte[]> onOutput, Action<string> onLine)
    {
        var output = new List<byte>();
        foreach (var one in bytes)
        {
            var isEnd = one is (byte)'\n' or (byte)'\r';
            if (!_isAtStart)
            {
                output.Add(one);
                _isAtStart = isEnd;
                continue;
            }

            if (isEnd && _held.Count > _mark.Length)
            {
                Pass(output, onOutput);
                onLine(Encoding.UTF8.GetString([.. _held.Skip(_mark.Length)]));
                _held.Clear();
                continue;
            }

            _held.Add(one);
            if ((_held.Count <= _mark.Length && one != _mark[_held.Count - 1]) || _held.Count > LongestLine)
            {
                output.AddRange(_held);
                _held.Clear();
                _isAtStart = isEnd;
            }
        }

        Pass(output, onOutput);
    }

    private static void Pass(List<byte> output, Action<byte[]> onOutput)
    {
        if (output.Count > 0)
        {
            onOutput([.. output]);
            output.Clear();
        }
    }
}
