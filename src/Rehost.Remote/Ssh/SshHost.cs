using System.Diagnostics;
using System.Globalization;
using System.Text;
using Rehost.Model;

namespace Rehost.Remote.Ssh;

/// <summary>
/// A shell on a host, reached through the system's ssh and its keys. Nothing is installed or written there: commands are cat, dd, stat and blockdev, with every path quoted. One
/// connection stays open, and one command runs at a time.
/// </summary>
public sealed class SshHost : IDisposable
{
    private const int LongestLine = 4096;
    private readonly Lock _gate = new();
    private readonly Process _process;
    private readonly StringBuilder _errors = new();
    private readonly SshAddress _address;
    private readonly TimeSpan _patience;
    private bool _isBroken;

    private SshHost(Process process, SshAddress address, TimeSpan patience)
    {
        (_process, _address, _patience) = (process, address, patience);
        process.ErrorDataReceived += (_, line) =>
        {
            lock (_errors)
            {
                if (line.Data is { } text && _errors.Length < LongestLine)
                {
                    _errors.AppendLine(text);
                }
            }
        };
        process.BeginErrorReadLine();
    }

    /// <summary>Connects.</summary>
    /// <param name="address">The host.</param>
    /// <param name="program">ssh, or what stands for it.</param>
    /// <param name="patience">How long an answer may take; null for two minutes.</param>
    /// <exception cref="DiagnosticException">SSH002.</exception>
    public static SshHost Connect(SshAddress address, string program = "ssh", TimeSpan? patience = null)
    {
        ArgumentNullException.ThrowIfNull(address);
        var start = new ProcessStartInfo(program) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in (string[])["-T", "-e", "none", "-o", "ConnectTimeout=30", "-o", "ServerAliveInterval=15"])
        {
            start.ArgumentList.Add(argument);
        }

        if (address.Port is { } port)
        {
            start.ArgumentList.Add("-p");
            start.ArgumentList.Add(port.ToString(CultureInfo.InvariantCulture));
        }

        if (address.User is { } user)
        {
            start.ArgumentList.Add("-l");
            start.ArgumentList.Add(user);
        }

        start.ArgumentList.Add("--");
        start.ArgumentList.Add(address.Host);
        start.ArgumentList.Add("exec sh");
        try
        {
            var host = new SshHost(Process.Start(start) ?? throw new InvalidOperationException("it did not start"), address, patience ?? TimeSpan.FromMinutes(2));
            try
            {
                host.Command("true");
                return host;
            }
            catch
            {
                host.Dispose();
                throw;
            }
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or InvalidOperationException)
        {
            throw SshDiagnostics.NoConnection.ToException($"{program}: {e.Message}", address.ToString(), e);
        }
    }

    /// <summary>The text of a small file; null when there is none.</summary>
    /// <param name="path">Its path there.</param>
    /// <param name="most">Bytes that it may have.</param>
    /// <exception cref="DiagnosticException">SSH002, SSH003 or SSH004.</exception>
    public byte[]? ReadText(string path, int most)
    {
        var quoted = Quote(path);
        return Command($"if [ -f {quoted} ]; then echo file; else echo none; fi") != "file" ? null
            : LengthOf(path) is var length && length <= most ? ReadRange(path, 0, (int)length)
            : throw SshDiagnostics.CommandFailed.ToException($"{path} has {length} bytes, {most} are the most", _address.ToString());
    }

    /// <summary>Bytes of a file or block device; -1 when there is none.</summary>
    public long LengthOf(string path)
    {
        var quoted = Quote(path);
        var answer = Command($"if [ -b {quoted} ]; then blockdev --getsize64 {quoted} || echo -1; elif [ -f {quoted} ]; then stat -L -c %s {quoted} || echo -1; else echo -1; fi");
        return long.TryParse(answer, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var length) ? length : -1;
    }

    /// <summary>Size and time of change of a file, to notice that somebody writes to it; empty for a block device.</summary>
    public string StampOf(string path) => Command($"if [ -f {Quote(path)} ]; then stat -L -c '%s %Y' {Quote(path)}; else echo; fi");

    /// <summary>Bytes of a file or block device. Offset and length are made up to whole 4096-byte blocks on the way, which is what dd reads fast.</summary>
    /// <exception cref="DiagnosticException">The connection broke, or the file is not to be read (SSH002, SSH003).</exception>
    internal byte[] ReadRange(string path, long offset, int length)
    {
        const int block = 4096;
        var first = offset / block;
        var count = ((offset + length + block - 1) / block) - first;
        var total = LengthLimit(path, first * block, count * block);
        lock (_gate)
        {
            Send(string.Create(CultureInfo.InvariantCulture, $"dd if={Quote(path)} bs={block} skip={first} count={count} iflag=fullblock 2>/dev/null; echo \"done $?\""));
            var bytes = new byte[total];
            Receive(bytes, path);
            return ReadLine() == "done 0" ? bytes[(int)(offset - (first * block))..(int)(offset - (first * block) + length)]
                : throw Broken(SshDiagnostics.CommandFailed, $"{path}: dd failed at {offset}");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            _process.StandardInput.Close();
            if (!_process.WaitForExit(2000))
            {
                _process.Kill(entireProcessTree: true);
            }
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            // It is gone.
        }

        _process.Dispose();
    }

    /// <summary>A path as one word of the shell.</summary>
    internal static string Quote(string path)
        => path.Any(char.IsControl) || !path.StartsWith('/') ? throw SshDiagnostics.BadPath.ToException($"'{string.Concat(path.Select(c => char.IsControl(c) ? '?' : c))}' is no absolute path of printable characters")
            : $"'{path.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private readonly Dictionary<string, long> _lengths = new(StringComparer.Ordinal);

    private long LengthLimit(string path, long start, long wanted)
    {
        if (!_lengths.TryGetValue(path, out var length))
        {
            _lengths[path] = length = LengthOf(path);
        }

        return Math.Clamp(length - start, 0, wanted);
    }

    private string Command(string command)
    {
        lock (_gate)
        {
            Send(command);
            if (command == "true")
            {
                Send("echo ready");
            }

            return ReadLine();
        }
    }

    private void Send(string line)
    {
        if (_isBroken)
        {
            throw Broken(SshDiagnostics.NoConnection, "the connection broke before");
        }

        try
        {
            var bytes = Encoding.UTF8.GetBytes(line + "\n");
            _process.StandardInput.BaseStream.Write(bytes);
            _process.StandardInput.BaseStream.Flush();
        }
        catch (IOException e)
        {
            throw Broken(SshDiagnostics.NoConnection, e.Message);
        }
    }

    private string ReadLine()
    {
        var line = new List<byte>();
        var one = new byte[1];
        for (; line.Count < LongestLine; line.Add(one[0]))
        {
            Receive(one, "an answer");
            if (one[0] == '\n')
            {
                return Encoding.UTF8.GetString([.. line]);
            }
        }

        throw Broken(SshDiagnostics.NoConnection, $"an answer of more than {LongestLine} bytes");
    }

    private void Receive(Span<byte> buffer, string what)
    {
        var bytes = new byte[buffer.Length];
        using var limit = new CancellationTokenSource(_patience);
        try
        {
            _process.StandardOutput.BaseStream.ReadExactlyAsync(bytes, limit.Token).AsTask().GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            throw Broken(SshDiagnostics.NoConnection, e is OperationCanceledException ? $"{what}: no answer within {_patience.TotalSeconds:0} s" : $"{what}: the connection ended");
        }

        bytes.CopyTo(buffer);
    }

    private DiagnosticException Broken(DiagnosticDescriptor kind, string message)
    {
        _isBroken = true;
        if (!_process.HasExited)
        {
            _process.WaitForExit(500); // ssh says why just before it ends
        }

        lock (_errors)
        {
            return kind.ToException($"{message}{(_errors.Length > 0 ? $" ({_errors.ToString().Trim().ReplaceLineEndings("; ")})" : "")}", _address.ToString());
        }
    }
}
