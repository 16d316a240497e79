using System.Collections.Immutable;
using System.Text;
using Rehost.Model;

namespace Rehost.Proof.Qemu;

/// <summary>Follows what a guest writes on its serial console: cuts lines, recognises stages and failures. Memory is bounded whatever the guest writes.</summary>
public sealed class ConsoleTranscript
{
    private const int LongestLine = 4096;
    private const int KeptLines = 40;

    private readonly List<BootMilestoneReached> _milestones = [];
    private readonly Queue<string> _lines = new();
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    private readonly StringBuilder _line = new();

    /// <summary>Called for each stage when it is reached.</summary>
    public Action<BootMilestoneReached>? OnMilestone { get; init; }

    /// <summary>Called for each complete line, control characters removed.</summary>
    public Action<string>? OnLine { get; init; }

    /// <summary>Stages in order. A stage implies those before it that a console may keep silent about, so only those seen are listed.</summary>
    public ImmutableArray<BootMilestoneReached> Milestones => [.. _milestones];

    /// <summary>The first failure seen, or the more telling one that followed.</summary>
    public Diagnostic? Failure { get; private set; }

    /// <summary>Bytes seen.</summary>
    public long Length { get; private set; }

    /// <summary>The last lines, the unfinished one included.</summary>
    public ImmutableArray<string> LastLines
    {
        get
        {
            var current = TerminalText.Strip(_line.ToString()).TrimEnd();
            return current.Length == 0 ? [.. _lines] : [.. _lines, current];
        }
    }

    /// <summary>Whether a stage, or one behind it, was reached.</summary>
    public bool HasReached(BootMilestone milestone) => _milestones.Count > 0 && _milestones[^1].Milestone >= milestone;

    /// <summary>Takes output.</summary>
    /// <param name="bytes">What came.</param>
    /// <param name="seconds">Seconds since the start.</param>
    public void Append(ReadOnlySpan<byte> bytes, double seconds)
    {
        Length += bytes.Length;
        var characters = new char[bytes.Length + 1];
        var count = _decoder.GetChars(bytes, characters, flush: false);
        foreach (var c in characters.AsSpan(0, count))
        {
            if (c is '\n' or '\r' || _line.Length >= LongestLine)
            {
                EndLine(seconds);
            }

            if (c is not ('\n' or '\r'))
            {
                _line.Append(c);
            }
        }

        // A prompt waits without an end of line. Other unfinished lines are left until they are whole: half of one may say something else.
        if (_line.Length > 0 && TerminalText.Strip(_line.ToString()) is var unfinished && BootPatterns.Prompt.IsMatch(unfinished))
        {
            Look(unfinished, seconds);
        }
    }

    /// <summary>Takes messages of the firmware, which come by another way and perhaps later than what they led to.</summary>
    /// <param name="text">What came.</param>
    /// <param name="seconds">Seconds since the start.</param>
    public void AppendFirmware(string text, double seconds)
    {
        ArgumentNullException.ThrowIfNull(text);
        foreach (var line in TerminalText.Strip(text).Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (_milestones is not [{ Milestone: BootMilestone.Firmware }, ..])
            {
                var first = _milestones is [var seen, ..] ? Math.Min(seen.Seconds, seconds) : seconds;
                var reached = new BootMilestoneReached(BootMilestone.Firmware, Math.Round(first, 1), line);
                _milestones.Insert(0, reached);
                OnMilestone?.Invoke(reached);
            }

            if (Failure is null && !HasReached(BootMilestone.BootLoader) && BootPatterns.FailureOf(line) is { } cause)
            {
                Failure = cause.Create($"the firmware says: {line}", "firmware.log");
            }
        }
    }

    private void EndLine(double seconds)
    {
        var line = TerminalText.Strip(_line.ToString()).TrimEnd();
        _line.Clear();
        if (line.Length == 0)
        {
            return;
        }

        Look(line, seconds);
        _lines.Enqueue(line);
        if (_lines.Count > KeptLines)
        {
            _lines.Dequeue();
        }

        OnLine?.Invoke(line);
    }

    private void Look(string line, double seconds)
    {
        if (BootPatterns.MilestoneOf(line) is { } milestone && !_milestones.Exists(seen => seen.Milestone == milestone))
        {
            // dracut runs systemd inside the initramfs: an init seen before the root was mounted was that one, and the real one is still to come.
            var early = milestone == BootMilestone.RootMounted ? _milestones.RemoveAll(seen => seen.Milestone == BootMilestone.Init) : 0;
            if (!HasReached(milestone) || early > 0)
            {
                var reached = new BootMilestoneReached(milestone, Math.Round(seconds, 1), line.Trim());
                _milestones.Add(reached);
                OnMilestone?.Invoke(reached);
            }
        }

        // "ALERT! … does not exist" comes before the panic or prompt it leads to: the first cause is the one to tell. A panic for want of a root
        // is told after the line that says which device could not be opened; both are the same cause.
        if (Failure is null && BootPatterns.FailureOf(line) is { } cause)
        {
            Failure = cause.Create($"the console says: {line.Trim()}", "serial.log");
        }
    }
}
