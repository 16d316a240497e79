using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Rehost.Proof.Qemu;

/// <summary>The little of QEMU's control protocol (QMP) that a boot proof needs. Every call has a deadline; nothing it says can stop the proof.</summary>
internal sealed class QmpClient : IDisposable
{
    private const int LongestReply = 1 << 20;
    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[LongestReply];
    private int _held;

    private QmpClient(Socket socket) => _socket = socket;

    /// <summary>Connects and shakes hands; null when QEMU does not answer in time.</summary>
    public static QmpClient? TryConnect(string path, TimeSpan timeout)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = (int)timeout.TotalMilliseconds, SendTimeout = (int)timeout.TotalMilliseconds };
        var client = new QmpClient(socket);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            if (client.ReadMessage(static message => message.TryGetProperty("QMP", out _)) && client.Execute("""{"execute":"qmp_capabilities"}""") is not null)
            {
                return client;
            }
        }
        catch (Exception e) when (e is SocketException or IOException or ArgumentException)
        {
            // Not there yet, or QEMU has ended: the caller goes on without.
        }

        client.Dispose();
        return null;
    }

    /// <summary>Asks for a picture of the screen as PPM; answers when it is written.</summary>
    public bool TryScreenDump(string path) =>
        Execute($"{{\"execute\":\"screendump\",\"arguments\":{{\"filename\":\"{JsonEncodedText.Encode(path)}\"}} }}") is not null;

    /// <summary>Has a piece of the guest's physical memory written to a file.</summary>
    public bool TrySaveMemory(long address, int length, string path) =>
        Execute(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{{\"execute\":\"pmemsave\",\"arguments\":{{\"val\":{address},\"size\":{length},\"filename\":\"{JsonEncodedText.Encode(path)}\"}} }}")) is not null;

    /// <summary>Takes what was written to a ring buffer since the last call.</summary>
    public string ReadRingBuffer(string device) =>
        Execute($"{{\"execute\":\"ringbuf-read\",\"arguments\":{{\"device\":\"{JsonEncodedText.Encode(device)}\",\"size\":65536}} }}") is { ValueKind: JsonValueKind.String } text
            ? text.GetString() ?? ""
            : "";

    /// <summary>QEMU's run state: running, shutdown, paused, internal-error …; null when it does not answer.</summary>
    public string? Status() =>
        Execute("""{"execute":"query-status"}""") is { ValueKind: JsonValueKind.Object } reply && reply.TryGetProperty("status", out var status) ? status.GetString() : null;

    /// <summary>Asks QEMU to end.</summary>
    public bool TryQuit() => Execute("""{"execute":"quit"}""") is not null;

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private JsonElement? Execute(string command)
    {
        try
        {
            _socket.Send(Encoding.UTF8.GetBytes(command + "\n"));
            JsonElement? answer = null;
            ReadMessage(message =>
            {
                if (message.TryGetProperty("return", out var result))
                {
                    answer = result.Clone();
                }

                return answer is not null || message.TryGetProperty("error", out _);
            });
            return answer;
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException)
        {
            return null;
        }
    }

    // Messages are lines; events come between replies and are skipped.
    private bool ReadMessage(Func<JsonElement, bool> isAwaited)
    {
        for (var messages = 0; messages < 1000;)
        {
            var end = _buffer.AsSpan(0, _held).IndexOf((byte)'\n');
            if (end < 0)
            {
                var count = _held == _buffer.Length ? 0 : _socket.Receive(_buffer.AsSpan(_held));
                if (count == 0)
                {
                    return false;
                }

                _held += count;
                continue;
            }

            messages++;
            var found = false;
            try
            {
                using var document = JsonDocument.Parse(_buffer.AsMemory(0, end));
                found = document.RootElement.ValueKind == JsonValueKind.Object && isAwaited(document.RootElement);
            }
            catch (JsonException)
            {
                return false;
            }

            _buffer.AsSpan(end + 1, _held - end - 1).CopyTo(_buffer);
            _held -= end + 1;
            if (found)
            {
                return true;
            }
        }

        return false;
    }
}
