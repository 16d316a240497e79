using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Inspection;
using Rehost.Model;
using Rehost.Pipeline.Plans;
using Rehost.Pipeline.Sources;
using Rehost.Pipeline.Targets;
using Rehost.Planning;
using Rehost.Transfer.Undo;

namespace Rehost.Pipeline.InPlace;

/// <summary>The target's configuration for disks that stay where they are: it names them by their path.</summary>
internal static class InPlaceConfiguration
{
    private const int LargestHandedOut = 512 << 20;

    /// <summary>Refuses before anything is done what could not be finished.</summary>
    /// <exception cref="DiagnosticException">UND007, PIP002.</exception>
    public static void Demand(ConversionPlan plan, InPlaceRequest request)
    {
        if (plan.Target.Disks.Any(disk => disk.Part is not null))
        {
            throw UndoDiagnostics.NotInPlace.ToException("it makes a disk of each partition", plan.Target.Name);
        }

        if (request.OutputDirectory is { } output)
        {
            if (!KnownTargets.ByName(plan.Options.Target).DiskFormats.Contains("raw"))
            {
                throw UndoDiagnostics.NotInPlace.ToException($"a machine for {plan.Options.Target} is a package, which raw disks are not; leave --output out to prepare the guest alone", plan.Target.Name);
            }

            if (!request.Resumes && TargetFiles.All(Described(plan, request)).Where(name => name is not (ConversionRecord.FileName or ReportText.FileName)).FirstOrDefault(name => Path.Exists(Path.Combine(output, name))) is { } taken)
            {
                throw PipelineDiagnostics.TargetExists.ToException("it is not overwritten", Path.Combine(output, taken));
            }
        }
        else if (plan.HandedOut is { Count: > 0 } files)
        {
            throw UndoDiagnostics.NotInPlace.ToException($"the host needs {string.Join(", ", files.Select(file => file.Name))} beside the disks: give --output", plan.Target.Name);
        }
    }

    /// <summary>Writes it, from the disks as they are now.</summary>
    public static ImmutableArray<string> Write(PlanDocument document, InPlaceRequest request, InPlaceDisks disks, Func<KeySource, byte[]>? askForKey, CancellationToken cancellationToken)
    {
        if (request.OutputDirectory is not { } directory)
        {
            return [];
        }

        var plan = Described(document.Plan, request);
        using var output = OutputDirectory.Prepare(directory);
        var overlays = disks.All.Select(disk => new OverlayDevice(disk, OverlayStore.InMemory())).ToList();
        var files = new List<CommittedFile>();
        try
        {
            using var keys = KeyReader.Read(new SourceRequest(request.Disks[0]) { Keys = request.Keys }, askForKey);
            using var guest = GuestInspector.Open(plan.Target, overlays, Planner.Reads, keys, cancellationToken);
            var record = new ConversionRecord
            {
                Source = new SourceRequest(request.Disks[0]),
                SourceKind = document.Seen.SourceKind,
                Facts = guest.Facts,
                Plan = plan,
                Disks = [],
                ConfigurationFile = KnownTargets.ByName(plan.Options.Target).ConfigurationFile(plan.Target),
            };
            void Add(string name, byte[] content)
            {
                files.Add(CommittedFile.Create(output.NewFile(name)));
                files[^1].Write(default, content);
            }

            foreach (var file in plan.HandedOut ?? [])
            {
                Add(file.Name, guest.Storage.Tree.ReadAllBytes(file.GuestPath, LargestHandedOut));
            }

            foreach (var (name, text) in KnownTargets.ByName(plan.Options.Target).Describe(record, output.Path))
            {
                Add(name, GuestText.Encode(text));
            }

            files.ForEach(file => file.Commit());
            output.Keep();
            return [.. files.Select(file => file.Path)];
        }
        finally
        {
            files.ForEach(file => file.Dispose());
            overlays.ForEach(overlay => overlay.Dispose());
        }
    }

    private static ConversionPlan Described(ConversionPlan plan, InPlaceRequest request)
    {
        var paths = plan.Target.Disks.ToDictionary(disk => disk.DeviceName, disk => Path.GetFullPath(request.Disks[Math.Max(0, Math.Min(request.Disks.Length - 1, plan.Source.Disks.ToList().FindIndex(one => one.Id == disk.Id)))]), StringComparer.Ordinal);
        return plan with
        {
            Options = plan.Options with { DiskFormat = "raw", DiskTargets = paths.ToImmutableSortedDictionary(StringComparer.Ordinal) },
            Target = plan.Target with { Disks = [.. plan.Target.Disks.Select(disk => disk with { Format = "raw", Path = paths[disk.DeviceName] })] },
        };
    }
}
