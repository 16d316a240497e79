using System.IO.Compression;
using System.Runtime.InteropServices;

namespace Rehost.DiskFormats.Compression;

/// <summary>RFC 1950 pieces (zlib's format), as VMDK grains are: by libdeflate where it is installed, which takes half of zlib's time for the same size; by the framework elsewhere.</summary>
internal sealed partial class DeflateCompressor : ClusterCompressor
{
    private const string Name = "libdeflate.so.0";
    private readonly Handle? _native;

    /// <summary>Makes one.</summary>
    /// <param name="level">libdeflate's level, 1 to 12; the framework's fallback always takes its optimal one.</param>
    public DeflateCompressor(int level) => _native = DeflateLibrary.IsNative ? Allocate(level) : null;

    /// <summary>Room that any content of a length fits into, compressed or stored (RFC 1951 §3.2.4: five bytes a block; zlib's framework adds six).</summary>
    public static int Bound(int length) => length + (((length / 5000) + 2) * 5) + 32;

    public override int Compress(ReadOnlySpan<byte> input, Span<byte> output)
    {
        if (_native is not null)
        {
            return (int)ZlibCompress(_native, in MemoryMarshal.GetReference(input), (nuint)input.Length, ref MemoryMarshal.GetReference(output), (nuint)output.Length);
        }

        using var memory = new MemoryStream();
        using (var stream = new ZLibStream(memory, CompressionLevel.Optimal, leaveOpen: true))
        {
            stream.Write(input);
        }

        return memory.TryGetBuffer(out var bytes) && bytes.AsSpan().TryCopyTo(output) ? bytes.Count : 0;
    }

    public override void Dispose() => _native?.Dispose();

    [LibraryImport(Name, EntryPoint = "libdeflate_alloc_compressor")]
    private static partial Handle Allocate(int level);

    [LibraryImport(Name, EntryPoint = "libdeflate_free_compressor")]
    private static partial void Free(nint compressor);

    [LibraryImport(Name, EntryPoint = "libdeflate_zlib_compress")]
    private static partial nuint ZlibCompress(Handle compressor, in byte input, nuint inputLength, ref byte output, nuint outputLength);

    /// <summary>struct libdeflate_compressor.</summary>
    private sealed class Handle() : SafeHandle(0, ownsHandle: true)
    {
        public override bool IsInvalid => handle == 0;

        protected override bool ReleaseHandle()
        {
            Free(handle);
            return true;
        }
    }
}
