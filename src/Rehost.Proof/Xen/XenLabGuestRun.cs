using System.Globalization;
using Rehost.Model;
using Rehost.Proof.Qemu;

namespace Rehost.Proof.Xen;

/// <summary>One guest while it runs in the laboratory, and what is kept of it.</summary>
internal sealed class XenLabGuestRun : IDisposable
{
    // A guest that fills its console must not fill the host's disk.
    private const long LongestLog = 16 << 20;

    private readonly string _machine;
    private readonly string _evidence;
    private readonly XenLabOptions _options;
    private readonly BootMilestone _goal;
    private readonly double _start;
    private readonly ConsoleTranscript _transcript;
    private readonly FileStream _log;
    private readonly EvidenceFolder _folder;
    private double? _decided;

    public XenLabGuestRun(string machine, string evidence, XenLabOptions options, BootMilestone goal, double start, Action<BootMilestoneReached>? onMilestone)
    {
        _machine = machine;
        _evidence = evidence;
        _options = options;
        _goal = goal;
        _start = start;
        _transcript = new ConsoleTranscript { OnMilestone = onMilestone };
        _folder = EvidenceFolder.Make(evidence);
        _log = _folder.Create("serial.log");
    }

    /// <summary>When the guest is to be ended.</summary>
    public double Deadline => _decided is { } since ? since + _options.Grace.TotalSeconds : _start + _options.Timeout.TotalSeconds;

    /// <summary>When it was told to end; null when it was not.</summary>
    public double? Stopped { get; set; }

    public void Append(ReadOnlySpan<byte> output, double now)
    {
        if (_log.Length < LongestLog)
        {
            _log.Write(output);
            _log.Flush();
        }

        _transcript.Append(output, now - _start);
        if (_decided is null && (_transcript.HasReached(_goal) || _transcript.Failure is not null))
        {
            _decided = now;
        }
    }

    /// <summary>What there is to say.</summary>
    /// <param name="now">Seconds.</param>
    /// <param name="hypervisor">As Xen calls itself.</param>
    /// <param name="end">What dom0 said of the end: the exit code of xl and its messages; null when it said nothing.</param>
    public BootReport Report(double now, string hypervisor, string? end)
    {
        var booted = _transcript.HasReached(_goal);
        var verdict = booted ? BootVerdict.Booted
            : _transcript.Failure is not null ? BootVerdict.Failed
            : Stopped is not null || end is null ? BootVerdict.TimedOut
            : end.StartsWith("0 ", StringComparison.Ordinal) ? BootVerdict.Ended
            : BootVerdict.Failed;
        var report = new BootReport
        {
            Machine = _machine,
            Verdict = verdict,
            Accelerator = hypervisor,
            Seconds = Math.Round(now - _start, 1),
            Milestones = _transcript.Milestones,
            Cause = booted ? null : _transcript.Failure ?? CauseOf(verdict, end),
            LastLines = _transcript.LastLines,
            EvidenceDirectory = _evidence,
            SerialLog = Path.Combine(_evidence, "serial.log"),
        };
        _folder.Write("boot.json", BootProofJson.Write(report));
        return report;
    }

    /// <inheritdoc/>
    public void Dispose() => _log.Dispose();

    private Diagnostic CauseOf(BootVerdict verdict, string? end)
    {
        var furthest = _transcript.Milestones is [.., var last] ? string.Create(CultureInfo.InvariantCulture, $"the furthest stage was {last.Milestone} after {last.Seconds:0.0} s") : "no stage was seen";
        var lines = string.Join(" | ", _transcript.LastLines.TakeLast(3));
        var detail = lines.Length == 0 ? furthest : $"{furthest}; the last lines are: {lines}";
        return verdict switch
        {
            BootVerdict.Failed => XenLabDiagnostics.NotCreated.Create($"xl: {TerminalText.Strip(end ?? "").Trim()}", _machine),
            BootVerdict.Ended => QemuDiagnostics.EndedEarly.Create(detail, "serial.log"),
            _ when _transcript.HasReached(BootMilestone.Init) => QemuDiagnostics.NoGetty.Create(detail, "serial.log"),
            _ => QemuDiagnostics.TimedOut.Create(string.Create(CultureInfo.InvariantCulture, $"{_options.Timeout.TotalSeconds:0} s are over; {detail}"), "serial.log"),
        };
    }
}
