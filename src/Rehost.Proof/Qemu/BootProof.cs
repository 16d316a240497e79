using System.Collections.Immutable;
using System.Text;
using Rehost.Model;

namespace Rehost.Proof.Qemu;

/// <summary>
/// Starts a machine in QEMU, watches its serial console (or, where it has none, its screen) for the stages of a start, and keeps the evidence: serial.log or screen.log,
/// firmware.log, screen.png, boot.json and qemu.txt.
/// The disks are not modified; there is no network.
/// </summary>
public sealed class BootProof
{
    // A guest that fills its console must not fill the host's disk.
    private const long LongestSerialLog = 16 << 20;

    private const int LongestFirmwareLog = 1 << 20;

    // Linux counts timer interrupts for a moment of the processor's clock. On a busy host software emulation delivers them late, and it panics: that says nothing about the guest.
    private const string StarvedTimer = "IO-APIC + timer doesn't work!";
    private const int MostAttempts = 3;

    private readonly VirtualMachine _machine;
    private readonly BootProofOptions _options;
    private readonly ConsoleTranscript _transcript;
    private readonly string _scratch;
    private readonly EvidenceFolder _evidence;
    private readonly StringBuilder _screenLog = new();
    private readonly long _start;
    private readonly StringBuilder _firmware = new();
    private readonly TextScreen _screen = new();
    private QmpClient? _control;
    private double _lastPoll;
    private bool _guestEnded;
    private bool _isSandboxed;
    private long _screenBytes;
    private int _attempt = 1;

    private BootProof(VirtualMachine machine, BootProofOptions options, ConsoleTranscript transcript, string scratch, EvidenceFolder evidence)
    {
        _machine = machine;
        _options = options;
        _transcript = transcript;
        _scratch = scratch;
        _evidence = evidence;
        _start = options.Time.GetTimestamp();
    }

    private double Seconds => _options.Time.GetElapsedTime(_start).TotalSeconds;

    /// <summary>Boots a machine and reports. A guest that does not boot is a report with a cause, not an exception.</summary>
    /// <param name="machine">The machine, as its domain description says.</param>
    /// <param name="options">Choices.</param>
    /// <param name="onMilestone">Called at each stage; null for none.</param>
    /// <param name="onLine">Called for each console line, fit for a terminal; null for none.</param>
    /// <param name="cancellationToken">Ends the guest and the proof.</param>
    /// <exception cref="DiagnosticException">The proof itself could not be run (QEM001 to QEM006).</exception>
    /// <exception cref="OperationCanceledException">Cancelled; QEMU was ended.</exception>
    public static BootReport Run(
        VirtualMachine machine, BootProofOptions options, Action<BootMilestoneReached>? onMilestone = null, Action<string>? onLine = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(options);
        if (machine.Disks.IsEmpty)
        {
            throw QemuDiagnostics.DiskUnreadable.ToException("the machine has no disk", machine.Name);
        }

        for (var index = 0; index < machine.Disks.Length; index++)
        {
            StandaloneImage.Check(QemuCommandLine.PathOf(machine, options, index), machine.Disks[index].Format, index < options.DiskParts.Length ? options.DiskParts[index] : null);
        }

        for (var attempt = 1; ; attempt++)
        {
            var report = RunOnce(machine, options, attempt, onMilestone, onLine, cancellationToken);
            if (attempt == MostAttempts || report.Verdict == BootVerdict.Booted || report.Accelerator != "tcg" || !report.LastLines.Any(line => line.Contains(StarvedTimer, StringComparison.Ordinal)))
            {
                return report;
            }
        }
    }

    private static BootReport RunOnce(VirtualMachine machine, BootProofOptions options, int attempt, Action<BootMilestoneReached>? onMilestone, Action<string>? onLine, CancellationToken cancellationToken)
    {
        string? scratch = null;
        try
        {
            var evidence = EvidenceFolder.Make(options.EvidenceDirectory);

            // A socket's path has at most 107 bytes, so it cannot be in the evidence directory; only we may enter this one.
            scratch = Directory.CreateTempSubdirectory("rehost-boot-").FullName;
            var transcript = new ConsoleTranscript { OnMilestone = onMilestone, OnLine = onLine };
            return new BootProof(machine, options, transcript, scratch, evidence) { _attempt = attempt }.Run(cancellationToken);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw QemuDiagnostics.EvidenceUnwritable.ToException(e.Message, options.EvidenceDirectory, e);
        }
        finally
        {
            if (scratch is not null)
            {
                Directory.Delete(scratch, recursive: true);
            }
        }
    }

    private BootReport Run(CancellationToken cancellationToken)
    {
        var program = QemuProgram.Find(_options.QemuPath);
        var kvm = _options.Acceleration == QemuAcceleration.Kvm || (_options.Acceleration == QemuAcceleration.Automatic && program.KvmWorks());
        var arguments = QemuCommandLine.Build(_machine, _options, MakePaths(), kvm, program.HasSandbox);
        _isSandboxed = program.HasSandbox;
        var command = CommandText(program.Path, arguments);
        _evidence.Write("qemu.txt", command);
        _evidence.Remove("screen.log");

        using var process = QemuProcess.Start(program.Path, arguments, ProcessLimits.For(QemuCommandLine.MemoryOf(_machine, _options), QemuCommandLine.CpusOf(_machine, _options), _options.Timeout + _options.Grace));
        var exited = Follow(process, cancellationToken);
        var screenshot = exited ? null : TakeScreenshot();
        _control?.Dispose();
        process.WaitForExit(exited ? TimeSpan.FromSeconds(5) : TimeSpan.Zero);
        if (process.Errors.Length > 0)
        {
            _evidence.Write("qemu.txt", command + "\n# QEMU said:\n" + TerminalText.Strip(process.Errors));
        }

        if (exited && process.ExitCode is not (null or 0) && _transcript.Length == 0)
        {
            throw QemuDiagnostics.QemuFailed.ToException(TerminalText.Strip(process.Errors).Trim(), program.Path);
        }

        return Report(kvm, _guestEnded || exited, screenshot);
    }

    private QemuCommandLine.Paths MakePaths()
    {
        var socket = Path.Combine(_scratch, "qmp");
        if (_machine.Firmware != Firmware.Uefi)
        {
            return new QemuCommandLine.Paths(socket);
        }

        var (code, variables) = UefiFirmware.Find();
        var copy = Path.Combine(_scratch, "vars.fd");
        File.Copy(variables, copy);
        return new QemuCommandLine.Paths(socket, code, copy);
    }

    // Answers whether QEMU ended by itself.
    private bool Follow(QemuProcess process, CancellationToken cancellationToken)
    {
        using var log = _evidence.Create("serial.log");
        var buffer = new byte[64 << 10];
        Task<int>? reading = null;
        double? decided = null;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Poll();
            if (decided is null && (_guestEnded || _transcript.HasReached(_options.Goal) || _transcript.Failure is not null))
            {
                decided = Seconds;
            }

            var left = decided is { } since ? since + _options.Grace.TotalSeconds - Seconds : _options.Timeout.TotalSeconds - Seconds;
            if (left <= 0)
            {
                Poll(now: true);
                return false;
            }

            reading ??= process.Serial.ReadAsync(buffer, 0, buffer.Length, CancellationToken.None);
            if (!Wait(reading, TimeSpan.FromSeconds(Math.Min(left, 1)), cancellationToken))
            {
                continue;
            }

            var count = reading.GetAwaiter().GetResult();
            reading = null;
            if (count == 0)
            {
                return true;
            }

            if (log.Length < LongestSerialLog)
            {
                log.Write(buffer, 0, count);
                log.Flush();
            }

            if (!_transcript.HasReached(BootMilestone.Firmware))
            {
                // Its messages came before whatever the console says, and stages are told in order.
                Poll(now: true);
            }

            _transcript.Append(buffer.AsSpan(0, count), Seconds);
        }
    }

    // Once a second: the firmware's messages, and whether the guest restarted or turned itself off.
    private void Poll(bool now = false)
    {
        if (!now && Seconds - _lastPoll < 1)
        {
            return;
        }

        _lastPoll = Seconds;
        _control ??= QmpClient.TryConnect(Path.Combine(_scratch, "qmp"), TimeSpan.FromSeconds(15));
        if (_control is null)
        {
            return;
        }

        _guestEnded |= _control.Status() is "shutdown" or "internal-error" or "guest-panicked" or "paused" or "io-error";
        if (_options.ReadsScreen)
        {
            ReadScreen();
        }

        if (!_transcript.HasReached(BootMilestone.Kernel) || _firmware.Length == 0)
        {
            var text = _control.ReadRingBuffer(QemuCommandLine.FirmwareBuffer);
            if (text.Length > 0 && _firmware.Length < LongestFirmwareLog)
            {
                _firmware.Append(text);
                _evidence.Write("firmware.log", _firmware.ToString());
                _transcript.AppendFirmware(text, Seconds);
            }
        }
    }

    // What is new on the screen is taken like lines of a console, and kept with them.
    private void ReadScreen()
    {
        var dump = Path.Combine(_scratch, "screen.text");
        if (_control is null || !_control.TrySaveMemory(TextScreen.Address, TextScreen.Length, dump) || !File.Exists(dump))
        {
            return;
        }

        var lines = _screen.Update(File.ReadAllBytes(dump));
        if (lines.Count > 0 && _screenBytes < LongestSerialLog)
        {
            var text = string.Concat(lines.Select(line => line + "\n"));
            _screenBytes += text.Length;
            _evidence.Write("screen.log", _screenLog.Append(text).ToString());
            _transcript.Append(Encoding.ASCII.GetBytes(text), Seconds);
        }
    }

    private static bool Wait(Task<int> reading, TimeSpan time, CancellationToken cancellationToken)
    {
        try
        {
            return reading.Wait((int)Math.Max(1, time.TotalMilliseconds), cancellationToken);
        }
        catch (AggregateException e) when (e.InnerException is IOException)
        {
            throw e.InnerException;
        }
    }

    private string? TakeScreenshot()
    {
        var dump = Path.Combine(_scratch, "screen.ppm");
        _control ??= QmpClient.TryConnect(Path.Combine(_scratch, "qmp"), TimeSpan.FromSeconds(15));
        if (_control is null || !_control.TryScreenDump(dump) || !File.Exists(dump) || PngEncoder.FromPpm(File.ReadAllBytes(dump)) is not { } png)
        {
            return null;
        }

        _control.TryQuit();
        _evidence.Write("screen.png", png);
        return Evidence("screen.png");
    }

    private BootReport Report(bool kvm, bool ended, string? screenshot)
    {
        var booted = _transcript.HasReached(_options.Goal);
        var verdict = booted ? BootVerdict.Booted
            : _transcript.Failure is not null ? BootVerdict.Failed
            : ended ? BootVerdict.Ended
            : BootVerdict.TimedOut;
        var report = new BootReport
        {
            Machine = _machine.Name,
            Verdict = verdict,
            Accelerator = kvm ? "kvm" : "tcg",
            IsSandboxed = _isSandboxed,
            Seconds = Math.Round(Seconds, 1),
            Attempts = _attempt,
            Milestones = _transcript.Milestones,
            Cause = booted ? null : _transcript.Failure ?? CauseOf(verdict),
            LastLines = _transcript.LastLines,
            EvidenceDirectory = _options.EvidenceDirectory,
            SerialLog = Evidence("serial.log"),
            Screenshot = screenshot,
        };
        _evidence.Write("boot.json", BootProofJson.Write(report));
        return report;
    }

    private Diagnostic CauseOf(BootVerdict verdict)
    {
        var furthest = _transcript.Milestones is [.., var last] ? $"the furthest stage was {last.Milestone} after {last.Seconds:0.0} s" : "no stage was seen";
        var lines = string.Join(" | ", _transcript.LastLines.TakeLast(3));
        var detail = lines.Length == 0 ? furthest : $"{furthest}; the last lines are: {lines}";
        return verdict == BootVerdict.Ended ? QemuDiagnostics.EndedEarly.Create(detail, "serial.log")
            : _transcript.Length == 0 && _options.ReadsScreen ? QemuDiagnostics.SilentScreen.Create($"nothing came in {_options.Timeout.TotalSeconds:0} s; the firmware's last word: {LastFirmwareLine()}", "screen.png")
            : _transcript.Length == 0 ? QemuDiagnostics.SilentConsole.Create($"nothing came in {_options.Timeout.TotalSeconds:0} s; the firmware's last word: {LastFirmwareLine()}", "serial.log")
            : _transcript.HasReached(BootMilestone.Init) ? QemuDiagnostics.NoGetty.Create(detail, "serial.log")
            : QemuDiagnostics.TimedOut.Create($"{_options.Timeout.TotalSeconds:0} s are over; {detail}", "serial.log");
    }

    private string LastFirmwareLine() =>
        TerminalText.Strip(_firmware.ToString()).Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) is [.., var last] ? $"'{last}'" : "none";

    private static string CommandText(string program, ImmutableArray<string> arguments)
    {
        var text = new StringBuilder(program);
        foreach (var argument in arguments)
        {
            var quoted = argument.All(c => char.IsAsciiLetterOrDigit(c) || "-_=,./:".Contains(c, StringComparison.Ordinal)) && argument.Length > 0
                ? argument
                : "'" + argument.Replace("'", "'\\''", StringComparison.Ordinal) + "'";
            text.Append(argument.StartsWith('-') ? " \\\n  " : " ").Append(quoted);
        }

        return text.Append('\n').ToString();
    }

    private string Evidence(string name) => _evidence[name];
}
