using Rehost.Fuzz.Engine;
using Rehost.Fuzz.Targets;

namespace Rehost.Fuzz.Tests;

/// <summary>Every target for a moment, so that no change goes in that a short look would have found; build/fuzz.sh looks for hours.</summary>
public sealed class SmokeTests
{
    private const int StackSize = 1 << 20;

    public static TheoryData<string> Targets => [.. KnownTargets.All.Select(target => target.Name)];

    [Theory]
    [MemberData(nameof(Targets))]
    public void A_short_run_finds_nothing(string name)
    {
        var target = KnownTargets.All.Single(one => one.Name == name);
        var campaign = new Campaign(target, 1, findings: null, corpusDirectory: null);
        CampaignResult? result = null;
        Exception? failure = null;
        var thread = new Thread(
            () =>
            {
                try
                {
                    result = campaign.Run(TimeSpan.MaxValue, target.SmokeExecutions, null, null);
                }
                catch (Exception e)
                {
                    failure = e;
                }
            },
            StackSize);
        thread.Start();
        thread.Join();
        Assert.True(failure is null, failure?.ToString());
        Assert.NotNull(result);
        Assert.True(campaign.Faults.Count == 0, string.Join("\n\n", campaign.Faults.Values.Select(fault => fault.Text)));
        Assert.Equal(target.SmokeExecutions, result.Executions);
    }
}
