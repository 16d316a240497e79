using Rehost.Model;

namespace Rehost.Cli;

/// <summary>Exit codes of every verb, documented in docs/cli.md.</summary>
internal static class ExitCode
{
    public const int Success = 0;
    public const int Different = 1;
    public const int Usage = 2;
    public const int Source = 3;
    public const int Guest = 4;
    public const int Target = 5;
    public const int Environment = 6;
    public const int Proof = 7;
    public const int Internal = 70;

    /// <summary>SIGHUP.</summary>
    public const int HungUp = 129;

    /// <summary>SIGINT, or stopped in another way.</summary>
    public const int Cancelled = 130;

    /// <summary>SIGTERM.</summary>
    public const int Terminated = 143;

    public static int Of(FaultKind fault) => fault switch
    {
        FaultKind.Usage => Usage,
        FaultKind.Source => Source,
        FaultKind.Guest => Guest,
        FaultKind.Target => Target,
        FaultKind.Environment => Environment,
        FaultKind.Proof => Proof,
        _ => Internal,
    };
}
