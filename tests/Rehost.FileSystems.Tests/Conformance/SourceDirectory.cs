using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Text;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Conformance;

/// <summary>A directory with thousands of files and of every kind of node, for mke2fs -d. Needs root, for device nodes and security attributes.</summary>
public sealed class SourceDirectory : IDisposable
{
    private readonly ScratchDirectory _scratch = new();

    public SourceDirectory()
    {
        var source = Path;
        Tool.MustRun("bash", "-c", $$"""
            set -e; export LC_ALL=C; mkdir -p '{{source}}'; cd '{{source}}'
            mkdir many deep special sparse empty
            for i in $(seq 2500); do echo "content $i" > many/file-$i-{{new string('x', 20)}}; done
            d=deep; for i in $(seq 40); do d=$d/level-$i; done; mkdir -p $d; echo bottom > $d/file
            for i in 1 50 59 60 61 500; do ln -s $(printf '%*s' $i | tr ' ' t) special/link-$i; done
            echo one > special/hard1; ln special/hard1 special/hard2; ln special/hard1 deep/hard3
            mknod special/null c 1 3; mknod special/big b 259 70000; mkfifo special/fifo
            printf 'latin' > $'special/gr\xfcn'; printf x > $'special/\xee\xbe\x80private'; echo > 'special/größe 名前'
            head -c 3000000 /dev/urandom > special/random; : > special/empty
            # Without zeros: mke2fs 1.47.0 cuts off a last block of zeros from a file that it starts as inline data.
            for n in 1 10 59 60 61 100 150 200 300 1023 1024 1025 4095 4096 4097 65535 65537; do tr -d '\0' < /dev/urandom | head -c $n > special/size-$n; done
            truncate -s 20000000 sparse/all-hole
            for at in 0 5 13 77 400 1200 4000; do printf data-$at | dd of=sparse/holes bs=4096 seek=$at conv=notrunc status=none; done; truncate -s 30000000 sparse/holes
            chmod 4755 special/random; chmod 1777 empty; chown 1000:70000 special/size-10; chown 100000:5 special/size-100; touch -d '1999-12-31 23:59:58 UTC' special/size-1
            """);
        SetAttribute(System.IO.Path.Combine(source, "special/size-60"), "user.short", [1, 2, 3]);
        SetAttribute(System.IO.Path.Combine(source, "special/size-60"), "security.selinux", Encoding.ASCII.GetBytes("system_u:object_r:etc_t:s0\0"));
        SetAttribute(System.IO.Path.Combine(source, "empty"), "trusted.long", [.. Enumerable.Range(0, 600).Select(i => (byte)(i % 251))]);

        // mke2fs 1.47.0 itself cuts a sparse file that it starts as inline data.
        Tool.MustRun("sh", "-c", $"cp -a '{source}' '{WithoutSparse}' && rm '{WithoutSparse}/sparse/holes'");
    }

    public string Path => _scratch["source"];

    public string WithoutSparse => _scratch["source-without-sparse"];

    public void Dispose()
    {
        Tool.MustRun("rm", "-rf", Path, WithoutSparse); // .NET cannot remove names that are not UTF-8
        _scratch.Dispose();
    }

    private static void SetAttribute(string path, string name, byte[] value)
        => Assert.Equal(0, SetAttribute(path, name, value, value.Length, 0));

    [DllImport("libc", EntryPoint = "setxattr", SetLastError = true)]
    [SuppressMessage("Globalization", "CA2101", Justification = "names in this test are ASCII, marshalled as UTF-8")]
    private static extern int SetAttribute([MarshalAs(UnmanagedType.LPUTF8Str)] string path, [MarshalAs(UnmanagedType.LPUTF8Str)] string name, byte[] value, nint size, int flags);
}
