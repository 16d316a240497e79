using System.Globalization;
using Rehost.Blocks;
using Rehost.DiskFormats.Tar;
using Rehost.Hypervisors.Ovf;

namespace Rehost.Pipeline.Sources;

/// <summary>An OVA, or an OVF descriptor with its disks beside it. An OVA is read in place: nothing is unpacked.</summary>
internal sealed class OvfSourceKind : ISourceKind
{
    private const long VerifiedAtOnce = 64 << 20;

    public string Name => "ovf";

    public bool Identify(string path, ReadOnlySpan<byte> head)
        => IsArchive(head) && (path.EndsWith(".ova", StringComparison.OrdinalIgnoreCase) || NameOfFirstMember(head).EndsWith(".ovf"u8))
            || path.EndsWith(".ovf", StringComparison.OrdinalIgnoreCase)
            || (head.IndexOf("Envelope"u8) is >= 0 and < 1024 && head.TrimStart([(byte)0xef, (byte)0xbb, (byte)0xbf, (byte)' ', (byte)'\r', (byte)'\n']).StartsWith("<"u8));

    public OpenSource Open(SourceRequest request, CancellationToken cancellationToken)
    {
        var package = OpenPackage(request, cancellationToken);
        ManifestVerification? verification = null;
        try
        {
            var disks = package.OpenDisks(cancellationToken);
            try
            {
                var findings = package.Findings;
                var bytes = package.ManifestBytes;
                if (bytes <= VerifiedAtOnce)
                {
                    package.VerifyManifest(progress: null, cancellationToken);
                }
                else
                {
                    verification = ManifestVerification.Start(package);
                    findings = findings.Add(OvfDiagnostics.ManifestLater.Create(string.Create(CultureInfo.InvariantCulture, $"{bytes >> 20} MiB of files have checksums"), package.Where));
                }

                return new OpenSource(Name, package.Machine, disks, [SourceFile.Of(request.Path), .. package.HostFiles.Select(SourceFile.Of)], findings)
                {
                    Container = verification is null ? package : verification,
                    FinalCheck = verification is null ? null : verification.Demand,
                };
            }
            catch
            {
                foreach (var disk in disks)
                {
                    disk.Dispose();
                }

                throw;
            }
        }
        catch
        {
            verification?.Dispose();
            package.Dispose();
            throw;
        }
    }

    private static OvfPackage OpenPackage(SourceRequest request, CancellationToken cancellationToken)
    {
        var file = FileDevice.OpenRead(request.Path);
        var head = new byte[Math.Min(512, file.Length)];
        try
        {
            file.Read(GuestOffset.Zero, head);
        }
        catch
        {
            file.Dispose();
            throw;
        }

        if (IsArchive(head))
        {
            return OvfPackage.OpenArchive(file, Path.GetFileName(request.Path), cancellationToken);
        }

        file.Dispose();
        return OvfPackage.OpenFolder(request.Path, request.AllowedPaths);
    }

    private static bool IsArchive(ReadOnlySpan<byte> head) => TarImageDirectory.LooksLikeArchive(head);

    private static ReadOnlySpan<byte> NameOfFirstMember(ReadOnlySpan<byte> head)
    {
        var name = head[..100];
        return name.IndexOf((byte)0) is var end and >= 0 ? name[..end] : name;
    }
}
