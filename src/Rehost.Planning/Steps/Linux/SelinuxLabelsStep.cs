using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>SELinux labels of the files that the plan makes.</summary>
internal sealed class SelinuxLabelsStep : ConversionStep
{
    private const string Autorelabel = "/.autorelabel";

    public override string Id => "selinux-labels";

    public override string Title => "SELinux labels of new files";

    public override string Description =>
        "A file without the label that the policy has for its path may be unreadable to the service that needs it. Files that are edited keep their label; each file and link that the plan makes gets the one that the guest's own " +
        "file_contexts has for it, as restorecon would set it. Nothing else is relabelled, and no relabelling at the next boot is asked for but with --selinux-relabel.";

    public override ImmutableArray<string> Requirements => ["S0.50", "S2.22"];

    public override ImmutableArray<string> Reads => [Autorelabel];

    public override void Plan(PlanningContext context)
    {
        if (context.Facts.SelinuxFileContexts is not { } contexts)
        {
            context.Skip("the guest does not use SELinux");
            return;
        }

        if (context.Options.RelabelsAll)
        {
            context.SetText(Autorelabel, "", "The operator wants all files labelled anew at the first boot (S2.22), which takes its time and starts the guest once more.");
        }

        foreach (var path in context.NewPaths)
        {
            context.Add(new Relabel
            {
                StepId = Id,
                Requirements = Requirements,
                Reason = $"The policy ({contexts}) says which label {path} must have.",
                Path = path,
                FileContextsPath = contexts,
            });
        }

        context.Skip("the plan makes no new files");
    }
}
