using System.Globalization;
using Rehost.Model;
using Rehost.Pipeline.Targets;

namespace Rehost.Pipeline.Plans;

/// <summary>What a plan document must keep to beyond its form: a document may come from anybody.</summary>
internal static class PlanDocumentRules
{
    private const int LongestPath = 4096;

    /// <summary>Refuses a document that breaks a rule.</summary>
    /// <exception cref="DiagnosticException">PLD001, PLD003, PLD010.</exception>
    public static void Demand(PlanDocument document, string name)
    {
        Hash(document.Digest, "$.digest", name);
        Hash(document.Made.PlanSha256, "$.made.planSha256", name);
        if (document.SignedOff is { } signed)
        {
            Hash(signed.Digest, "$.signedOff.digest", name);
            Require(signed.By.Trim().Length > 0, "$.signedOff.by names nobody", name);
        }

        foreach (var (path, file) in document.Seen.Files)
        {
            GuestPath(path, "$.seen.files", name);
            OptionalHash(file.Sha256, $"$.seen.files['{path}']", name);
        }

        foreach (var (fact, hash) in document.Seen.Facts)
        {
            Hash(hash, $"$.seen.facts.{fact}", name);
        }

        Machines(document, name);
        foreach (var (step, index) in document.Plan.Steps.Select((step, index) => (step, index)))
        {
            foreach (var (change, number) in step.Changes.Select((change, number) => (change, number)))
            {
                var where = string.Create(CultureInfo.InvariantCulture, $"$.plan.steps[{index}].changes[{number}]");
                Require(change.StepId == step.StepId, $"{where} is of step '{change.StepId}', and stands in step '{step.StepId}'", name);
                Change(change, where, name);
            }
        }
    }

    private static void Machines(PlanDocument document, string name)
    {
        var plan = document.Plan;
        Require(plan.FormatVersion == 1, $"$.plan.formatVersion is {plan.FormatVersion}, needed: 1", name);
        Require(KnownTargets.Names.Contains(plan.Options.Target), $"$.plan.options.target '{plan.Options.Target}' is none of {string.Join(", ", KnownTargets.Names)}", name);
        Require(KnownTargets.DiskFormatsOf(plan.Options.Target).Contains(plan.Options.DiskFormat), $"$.plan.options.diskFormat '{plan.Options.DiskFormat}' is none that {plan.Options.Target} takes", name);
        Require(plan.Source.Disks.Length == document.Seen.Disks.Length && plan.Source.Disks.Zip(document.Seen.Disks).All(pair => pair.First.Id == pair.Second.Id && pair.First.LengthBytes == pair.Second.LengthBytes),
            "$.plan.source.disks are not those of $.seen.disks", name);
        Require(plan.Target.Disks.All(disk => plan.Source.Disks.Any(source => source.Id == (disk.Part?.DiskId ?? disk.Id))), "$.plan.target.disks names a disk that the source does not have", name);
        Require(plan.Source.Disks.Select(disk => disk.Id).Distinct(StringComparer.Ordinal).Count() == plan.Source.Disks.Length, "$.plan.source.disks has a disk twice", name);
        FileName(plan.Target.Name, "$.plan.target.name", name);
        foreach (var disk in plan.Target.Disks)
        {
            Require(disk.Part is not { } part || (part.Offset >= 0 && part.Length > 0 && plan.Source.Disks.Any(source => source.Id == part.DiskId && part.Offset <= source.LengthBytes - part.Length)), $"$.plan.target.disks: the part of {disk.Id} leaves its disk", name);
            FileName(disk.DeviceName, "$.plan.target.disks[].deviceName", name);
            if (!TargetFiles.IsNamed(plan, disk))
            {
                FileName(TargetFiles.Disk(disk), "$.plan.target.disks[].path", name);
            }
        }

        foreach (var file in plan.HandedOut ?? [])
        {
            FileName(file.Name, "$.plan.handedOut[].name", name);
            GuestPath(file.GuestPath, "$.plan.handedOut[].guestPath", name);
            Require(!PlanSecrets.Holds(file.GuestPath), PlanDocumentDiagnostics.Secret, $"$.plan.handedOut takes {file.GuestPath} out of the guest", name);
        }
    }

    private static void Change(Change change, string where, string name)
    {
        var touched = ChangedPaths.Of(change);
        foreach (var path in touched.Files.Concat(touched.Directories))
        {
            GuestPath(path, where, name);
        }

        // What a plan writes is in the plan; what it removes or reads is only named there.
        var written = change switch
        {
            WriteFile write => write.Path,
            EditFile edit => edit.Path,
            _ => null,
        };
        Require(written is null || !PlanSecrets.Holds(written), PlanDocumentDiagnostics.Secret, $"{where} writes {written}", name);
        foreach (var hash in Hashes(change))
        {
            OptionalHash(hash, where, name);
        }

        if (change is AddHelperPartition helper)
        {
            foreach (var file in helper.Files)
            {
                GuestPath("/" + file.Path.TrimStart('/'), where, name);
                Require(file.CopyOf is not { } from || !PlanSecrets.Holds(from), PlanDocumentDiagnostics.Secret, $"{where} copies {file.CopyOf}", name);
            }
        }

        if (change is WriteFile { Permissions: < 0 or > 0xFFF } mode)
        {
            throw PlanDocumentDiagnostics.Malformed.ToException($"{where}.permissions is {mode.Permissions}, needed: 0 to 4095", name);
        }
    }

    private static IEnumerable<string?> Hashes(Change change) => change switch
    {
        EditFile edit => [edit.BeforeSha256],
        MakeInitramfs make => [make.BeforeSha256],
        ExtendInitramfs extend => [extend.BeforeSha256],
        RewriteInitramfs rewrite => [rewrite.BeforeSha256, rewrite.ScriptBeforeSha256],
        RemoveRegistryKey key => [key.BeforeSha256],
        PlaceFile place => [place.Sha256, place.BeforeSha256],
        CopyFile copy => [copy.Sha256],
        InstallPackage package => [package.Package.Sha256],
        AddHelperPartition helper => helper.Files.Select(file => file.Sha256),
        _ => [],
    };

    private static void GuestPath(string path, string where, string name)
        => Require(path.Length is > 1 and <= LongestPath && path[0] == '/' && !path.EndsWith('/') && !path.Contains('\0', StringComparison.Ordinal) && !path[1..].Split('/').Any(part => part is "" or "." or ".."),
            PlanDocumentDiagnostics.BadPath, $"{where} has the path \"{path}\"", name);

    private static void FileName(string file, string where, string name)
        => Require(file.Length is > 0 and <= 200 && file[0] is not ('.' or '-') && !file.Any(letter => letter is '/' || char.IsControl(letter)), PlanDocumentDiagnostics.BadPath, $"{where} is \"{file}\", needed: a plain name", name);

    private static void OptionalHash(string? hash, string where, string name)
    {
        if (hash is not null)
        {
            Hash(hash, where, name);
        }
    }

    private static void Hash(string hash, string where, string name) => Require(hash.Length == 64 && hash.All(char.IsAsciiHexDigitLower), $"{where} is no SHA-256 of 64 hexadecimal digits in lower case", name);

    private static void Require(bool holds, string found, string name) => Require(holds, PlanDocumentDiagnostics.Malformed, found, name);

    private static void Require(bool holds, DiagnosticDescriptor finding, string found, string name)
    {
        if (!holds)
        {
            throw finding.ToException(found, name);
        }
    }
}
