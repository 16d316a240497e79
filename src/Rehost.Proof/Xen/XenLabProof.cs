using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using Rehost.Model;
using Rehost.Proof.Qemu;

namespace Rehost.Proof.Xen;

/// <summary>
/// Starts guests under a real Xen, which runs in QEMU, one after the other in one dom0, and watches their consoles. What is proved is the configuration
/// as xl reads it, the boot loader, the front ends in kernel and initramfs, and the guest's start to its login prompt. Disks are not modified; there is no network.
/// </summary>
public sealed class XenLabProof : IDisposable
{
    /// <summary>Ends the client of a guest's console (xenconsole takes Ctrl-] when it comes alone).</summary>
    private static readonly byte[] EndOfConsole = [0x1d];

    private const double AskAgain = 10;
    private const double Patience = 120;

    private readonly XenLabOptions _options;
    private readonly ImmutableArray<XenLabGuest> _guests;
    private readonly Action<int, BootMilestoneReached>? _onMilestone;
    private readonly BootReport?[] _reports;
    private readonly long _start;
    private string _hypervisor = "xen on tcg";
    private bool _isUp;
    private int _current = -1;
    private XenLabGuestRun? _run;
    private double _lastEnd;

    private XenLabProof(XenLabOptions options, ImmutableArray<XenLabGuest> guests, Action<int, BootMilestoneReached>? onMilestone)
    {
        _options = options;
        _guests = guests;
        _onMilestone = onMilestone;
        _reports = new BootReport?[guests.Length];
        _start = options.Time.GetTimestamp();
    }

    private double Now => _options.Time.GetElapsedTime(_start).TotalSeconds;

    /// <summary>Boots guests and reports, in their order. One that does not boot is a report with a cause, not an exception.</summary>
    /// <param name="configurations">Their configurations.</param>
    /// <param name="options">Choices.</param>
    /// <param name="onMilestone">Called at each stage with the guest's number; null for none.</param>
    /// <param name="cancellationToken">Ends the laboratory.</param>
    /// <exception cref="DiagnosticException">The proof itself could not be run (XLB…, XEN…, QEM001 to QEM006).</exception>
    public static ImmutableArray<BootReport> Run(
        IReadOnlyList<string> configurations, XenLabOptions options, Action<int, BootMilestoneReached>? onMilestone = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(configurations);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNotEqual(options.EvidenceDirectories.Length, configurations.Count, nameof(options));
        ImmutableArray<XenLabGuest> guests = [.. configurations.Select(XenLabGuest.Open)];
        foreach (var disk in guests.SelectMany(guest => guest.Source.Disks))
        {
            StandaloneImage.Check(disk.HostPath, disk.Format);
        }

        string? scratch = null;
        try
        {
            scratch = Directory.CreateTempSubdirectory("rehost-xen-").FullName;
            using var proof = new XenLabProof(options, guests, onMilestone);
            return proof.Run(scratch, cancellationToken);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw QemuDiagnostics.EvidenceUnwritable.ToException(e.Message, options.EvidenceDirectories.FirstOrDefault(), e);
        }
        finally
        {
            if (scratch is not null)
            {
                Directory.Delete(scratch, recursive: true);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _run?.Dispose();

    private ImmutableArray<BootReport> Run(string scratch, CancellationToken cancellationToken)
    {
        foreach (var directory in _options.EvidenceDirectories)
        {
            EvidenceFolder.Make(directory);
        }

        var job = Path.Combine(scratch, "job.tar");
        var log = Path.Combine(scratch, "dom0.log");
        var nonce = "rehost-" + RandomNumberGenerator.GetHexString(16, lowercase: true);
        XenLabJob.Write(job, nonce, _guests);
        var program = QemuProgram.Find(_options.QemuPath);
        var arguments = XenLabCommandLine.Build(_options.Laboratory, _guests, job, log, program.HasSandbox);
        string errors;
        try
        {
            using var process = QemuProcess.Start(program.Path, arguments, XenLabCommandLine.LimitsOf(_guests, _options));
            Follow(process, new XenLabConsole(nonce), cancellationToken);
            process.WaitForExit(TimeSpan.FromSeconds(_reports.Contains(null) ? 0 : 20));
            errors = process.Errors;
        }
        finally
        {
            KeepLog(log);
        }

        EvidenceFolder.Make(_options.EvidenceDirectories[0]).Write("qemu.txt", $"{program.Path} {string.Join(' ', arguments)}\n\n{TerminalText.Strip(errors)}");
        if (!_isUp)
        {
            throw XenLabDiagnostics.NoDom0.ToException(string.Create(CultureInfo.InvariantCulture, $"nothing came from it in {Now:0} s; {TerminalText.Strip(errors).Trim()}"), Evidence("dom0.log"));
        }

        for (var index = 0; index < _reports.Length; index++)
        {
            _reports[index] ??= NeverStarted(index);
        }

        return [.. _reports.OfType<BootReport>()];
    }

    private void Follow(QemuProcess process, XenLabConsole console, CancellationToken cancellationToken)
    {
        var buffer = new byte[64 << 10];
        Task<int>? reading = null;
        while (_reports.Contains(null))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!Hurry(process))
            {
                return;
            }

            reading ??= process.Serial.ReadAsync(buffer, 0, buffer.Length, CancellationToken.None);
            if (!reading.Wait(500, cancellationToken))
            {
                continue;
            }

            var count = reading.GetAwaiter().GetResult();
            reading = null;
            if (count == 0)
            {
                return;
            }

            console.Feed(buffer.AsSpan(0, count), output => _run?.Append(output, Now), TakeLine);
        }
    }

    // Ends a guest whose time is up or that is done; false when dom0 does not answer any more.
    private bool Hurry(QemuProcess process)
    {
        var now = Now;
        if (_run is null)
        {
            return now - _lastEnd < Math.Max(_options.Timeout.TotalSeconds, Patience);
        }

        if (now < _run.Deadline)
        {
            return true;
        }

        if (_run.Stopped is null || now - _run.Stopped > AskAgain)
        {
            _run.Stopped ??= now;
            process.Send(EndOfConsole);
        }

        if (now - _run.Deadline < Patience)
        {
            return true;
        }

        _reports[_current] = _run.Report(now, _hypervisor, end: null);
        return false;
    }

    private void TakeLine(string line)
    {
        var words = line.Split(' ', 3);
        if (words[0] == "up")
        {
            _isUp = true;
            _hypervisor = words.Length > 1 ? $"xen {words[1]} on tcg" : _hypervisor;
            _lastEnd = Now;
        }
        else if (words[0] is "begin" or "end" && words.Length > 1 && int.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number < _guests.Length)
        {
            if (words[0] == "begin")
            {
                _current = number;
                _run = new XenLabGuestRun(_guests[number].Source.Machine.Name, _options.EvidenceDirectories[number], _options, _options.GoalOf(number), Now, reached => _onMilestone?.Invoke(number, reached));
            }
            else if (_run is { } run && number == _current)
            {
                _reports[number] = run.Report(Now, _hypervisor, words.Length > 2 ? words[2] : "");
                run.Dispose();
                _run = null;
                _lastEnd = Now;
            }
        }
    }

    private BootReport NeverStarted(int index) => new()
    {
        Machine = _guests[index].Source.Machine.Name,
        Verdict = BootVerdict.TimedOut,
        Accelerator = _hypervisor,
        Cause = XenLabDiagnostics.NoDom0.Create("dom0 ended, or stopped answering, before the guest's turn", Evidence("dom0.log")),
        EvidenceDirectory = _options.EvidenceDirectories[index],
        SerialLog = Path.Combine(_options.EvidenceDirectories[index], "serial.log"),
    };

    private void KeepLog(string log)
    {
        if (File.Exists(log))
        {
            EvidenceFolder.Make(_options.EvidenceDirectories[0]).Write("dom0.log", TerminalText.Strip(File.ReadAllText(log)));
        }
    }

    private string Evidence(string name) => Path.Combine(_options.EvidenceDirectories[0], name);
}
