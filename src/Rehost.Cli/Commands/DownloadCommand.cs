using System.CommandLine;
using Rehost.Cli.Output;
using Rehost.Pipeline;

namespace Rehost.Cli.Commands;

/// <summary>rehost download.</summary>
internal static class DownloadCommand
{
    public static Command Create(TimeProvider time)
    {
        var source = new Argument<string>("machine") { Description = "The machine, as xenserver://[USER@]HOST[:PORT]/NAME-OR-UUID." };
        var output = new Option<string>("--output") { Description = "The XVA that is written.", Required = true };
        var compress = new Option<string>("--compress") { Description = "What the host compresses the export with: none, gzip, zstd (XCP-ng 8 and XenServer 8).", DefaultValueFactory = _ => "none" };
        compress.AcceptOnlyFromAmong("none", "gzip", "zstd");
        var remote = new RemoteArguments();
        var command = new Command("download", "Exports a machine from XenServer or XCP-ng over its API. A machine that runs is exported through a snapshot, which is removed afterwards.\n\nExamples:\n  rehost download xenserver://root@pool1/web01 --output web01.xva --tls-fingerprint 12:34:…\n  rehost convert xenserver://root@pool1/web01 --to kvm --output out/     # the same and the conversion in one");
        command.Arguments.Add(source);
        command.Options.Add(output);
        command.Options.Add(compress);
        remote.AddTo(command);
        return command.With(time, (parsed, context, cancellationToken) =>
        {
            var address = parsed.GetRequiredValue(source);
            var access = remote.Read(parsed, address) ?? throw PipelineDiagnostics.BadOption.ToException($"'{address}' is no xenserver:// address", "machine");
            var compression = parsed.GetRequiredValue(compress);
            var report = new HostTransfer(context.Progress).Download(address, parsed.GetRequiredValue(output), access, compression == "none" ? null : compression, cancellationToken);
            context.Print(report, HostTransferPrinter.Print);
            return ExitCode.Success;
        });
    }
}
