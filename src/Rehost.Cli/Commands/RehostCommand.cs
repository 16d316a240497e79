using System.Collections.Immutable;
using System.CommandLine;
using Rehost.Cli.Commands.Files;
using Rehost.Cli.Commands.Registry;

namespace Rehost.Cli.Commands;

/// <summary>The root command with its verbs.</summary>
internal static class RehostCommand
{
    public static RootCommand Create(TimeProvider time)
    {
        var root = new RootCommand(
            "Moves virtual machines between hypervisors, offline: no root, no helper VM, no guest code run.\n\n" +
            "Examples:\n" +
            "  rehost inspect web01.xva\n" +
            "  rehost plan web01.xva --to kvm\n" +
            "  rehost convert web01.xva --to kvm --output out/\n" +
            "  rehost verify out/web01.xml\n" +
            "  rehost boot out/web01.xml");
        foreach (var verb in Verbs(time))
        {
            root.Subcommands.Add(verb);
        }

        return root;
    }

    private static ImmutableArray<Command> Verbs(TimeProvider time) =>
    [
        InspectCommand.Create(time),
        PlanCommand.Create(time),
        ReviewCommand.CreateReview(time),
        ReviewCommand.CreateSignOff(time),
        ConvertCommand.Create(time),
        ApplyCommand.Create(time),
        UndoCommand.Create(time),
        VerifyCommand.Create(time),
        BootCommand.Create(time),
        UploadCommand.Create(time),
        DownloadCommand.Create(time),
        FilesCommand.Create(time),
        RegistryCommand.Create(time),
        BcdCommand.Create(time),
        ImageCommand.Create(time),
        CompletionCommand.Create(),
    ];
}
