using System.Runtime.InteropServices;

namespace Rehost.DiskFormats.Compression;

/// <summary>
/// Raw deflate with a window of 4 KiB, as qcow2 wants it (a reader may give inflate a window of 2^12 bytes). The framework's DeflateStream always uses
/// 32 KiB, therefore zlib itself is called.
/// </summary>
internal sealed partial class ZlibCompressor : ClusterCompressor
{
    private const int WindowBits = -12; // negative: raw, without zlib's header
    private const int Deflated = 8;
    private const int Level = 5; // a quarter less time than 6 for 0.2 percent more bytes
    private const int MemoryLevel = 8; // with 9 the output is larger: longer blocks fit their codes worse
    private const int Finish = 4;
    private const int StreamEnd = 1;

    private readonly StreamHandle _stream = new();

    public ZlibCompressor()
    {
        try
        {
            var result = DeflateInit2(_stream.Pointer, Level, Deflated, WindowBits, MemoryLevel, 0, "1.2.11", Marshal.SizeOf<ZStream>());
            if (result != 0)
            {
                throw DiskFormatDiagnostics.LibraryMissing.ToException($"libz.so.1 refuses to start (deflateInit2 answered {result})");
            }

            _stream.IsInitialized = true;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            _stream.Dispose();
            throw DiskFormatDiagnostics.LibraryMissing.ToException("libz.so.1 is needed to write zlib-compressed qcow2", inner: e);
        }
    }

    public override unsafe int Compress(ReadOnlySpan<byte> input, Span<byte> output)
    {
        if (RandomnessProbe.LooksRandom(input))
        {
            return 0;
        }

        fixed (byte* source = input)
        fixed (byte* target = output)
        {
            var stream = (ZStream*)_stream.Pointer;
            if (DeflateReset(_stream.Pointer) != 0)
            {
                throw new InvalidOperationException("deflateReset failed");
            }

            stream->NextIn = source;
            stream->AvailableIn = (uint)input.Length;
            stream->NextOut = target;
            stream->AvailableOut = (uint)output.Length;
            return Deflate(_stream.Pointer, Finish) == StreamEnd ? output.Length - (int)stream->AvailableOut : 0;
        }
    }

    public override void Dispose() => _stream.Dispose();

    [LibraryImport("libz.so.1", EntryPoint = "deflateInit2_", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int DeflateInit2(nint stream, int level, int method, int windowBits, int memoryLevel, int strategy, string version, int streamSize);

    [LibraryImport("libz.so.1", EntryPoint = "deflateReset")]
    private static partial int DeflateReset(nint stream);

    [LibraryImport("libz.so.1", EntryPoint = "deflate")]
    private static partial int Deflate(nint stream, int flush);

    [LibraryImport("libz.so.1", EntryPoint = "deflateEnd")]
    private static partial int DeflateEnd(nint stream);

    /// <summary>z_stream of zlib.h, which must not move in memory: zlib keeps its address.</summary>
    private sealed class StreamHandle : SafeHandle
    {
        public StreamHandle()
            : base(0, ownsHandle: true)
        {
            unsafe
            {
                SetHandle((nint)NativeMemory.AllocZeroed((nuint)Marshal.SizeOf<ZStream>()));
            }
        }

        public bool IsInitialized { get; set; }

        public nint Pointer => handle;

        public override bool IsInvalid => handle == 0;

        protected override unsafe bool ReleaseHandle()
        {
            if (IsInitialized)
            {
                _ = DeflateEnd(handle);
            }

            NativeMemory.Free((void*)handle);
            return true;
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private unsafe struct ZStream
    {
        public byte* NextIn;
        public uint AvailableIn;
        public nuint TotalIn;
        public byte* NextOut;
        public uint AvailableOut;
        public nuint TotalOut;
        public nint Message;
        public nint State;
        public nint Allocate;
        public nint Free;
        public nint Opaque;
        public int DataType;
        public nuint Adler;
        public nuint Reserved;
    }
}
